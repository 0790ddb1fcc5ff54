package evidence

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// JSON holds text, and what a node answers need not be any: an argument or a
// file with a byte that is not UTF-8 is written in base64, so that evidence
// that was saved and read again is the same to the byte.

type plainFile File // without methods

// MarshalJSON writes content that is not UTF-8 as content_base64.
func (f File) MarshalJSON() ([]byte, error) {
	out := struct {
		plainFile
		Base64 string `json:"content_base64,omitempty"`
	}{plainFile: plainFile(f)}
	if !utf8.ValidString(f.Content) {
		out.Content, out.Base64 = "", base64.StdEncoding.EncodeToString([]byte(f.Content))
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *File) UnmarshalJSON(data []byte) error {
	var in struct {
		plainFile
		Base64 []byte `json:"content_base64"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*f = File(in.plainFile)
	if in.Base64 != nil {
		f.Content = string(in.Base64)
	}
	return nil
}

type plainProcess Process // without methods

// MarshalJSON writes an argument vector that is not UTF-8 as argv_base64.
func (p Process) MarshalJSON() ([]byte, error) {
	out := struct {
		plainProcess
		Base64 [][]byte `json:"argv_base64,omitempty"`
	}{plainProcess: plainProcess(p)}
	for _, arg := range p.Argv {
		if !utf8.ValidString(arg) {
			out.Argv = nil
			for _, arg := range p.Argv {
				out.Base64 = append(out.Base64, []byte(arg))
			}
			break
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Process) UnmarshalJSON(data []byte) error {
	var in struct {
		plainProcess
		Base64 [][]byte `json:"argv_base64"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*p = Process(in.plainProcess)
	for _, arg := range in.Base64 {
		p.Argv = append(p.Argv, string(arg))
	}
	return nil
}
