package main

import (
	"fmt"
	"io"
	"path/filepath"

	"kletscan/report"
)

// parseManifest is the file of --manifest, which no output may have.
func parseManifest(file string, outputs []output) (string, error) {
	for _, o := range outputs {
		if file != "" && o.file != "" && filepath.Clean(file) == filepath.Clean(o.file) {
			return "", fmt.Errorf("--manifest %s: -o %s writes to the same place: give one of them another file", file, o)
		}
	}
	return file, nil
}

// writeManifest writes the manifest of outputs that are all written.
func (all *sinks) writeManifest(run report.Run, opts report.Options, code int) error {
	if all.manifest == nil {
		return nil
	}
	file := all.manifest.file
	var artefacts []report.Artefact
	for _, s := range all.list {
		a := report.Artefact{Format: s.format.Name, SHA256: s.digest.Sum(nil)}
		if s.file != "" {
			a.File = filepath.ToSlash(fromDirectoryOf(file, s.file))
		}
		artefacts = append(artefacts, a)
	}
	err := all.manifest.replace(func(w io.Writer) error { return report.WriteManifest(w, run, opts, code, artefacts) })
	if err != nil {
		return fmt.Errorf("--manifest: %w", err)
	}
	return nil
}

// fromDirectoryOf is a file's name as seen from the directory of the manifest,
// where sha256sum -c is called; its full name where there is no way from there.
func fromDirectoryOf(manifest, file string) string {
	from, err := filepath.Abs(filepath.Dir(manifest))
	if err != nil {
		return file
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if relative, err := filepath.Rel(from, full); err == nil {
		return relative
	}
	return full
}
