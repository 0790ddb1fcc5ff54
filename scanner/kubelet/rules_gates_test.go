package kubelet

import "testing"

const named = "--feature-gates=RotateKubeletServerCertificate"

// Rule 7 of Resolve: the gate alone up to 1.10, serverTLSBootstrap from 1.11.
func TestGateAndBootstrap(t *testing.T) {
	run(t, []row{
		{rule: "nothing is set", version: "1.7-1.36", want: "off", sets: "bootstrap=false@default by=default named=false cert=@default", says: "defaults to false: self-signed, never renewed"},
		{rule: "default false up to 1.11", version: "1.7-1.11", want: "off", sets: "gate=false@default"},
		{rule: "default true from 1.12", version: "1.12-1.36", want: "off", sets: "gate=true@default"},
		{rule: "the gate alone switches on up to 1.10", version: "1.7-1.10", argv: named + "=true", want: "on", sets: "gate=true@flag by=flag named=true", says: "RotateKubeletServerCertificate=true on the command line"},
		{rule: "the gate alone does nothing from 1.11", version: "1.11-1.36", argv: named + "=true", want: "off", sets: "gate=true@flag by=default named=true"},
		{rule: "the gate false is off up to 1.10", version: "1.7-1.10", argv: named + "=false", want: "off", sets: "by=flag"},
		{rule: "both are on from 1.11", version: "1.11-1.36", argv: named + "=true", config: "serverTLSBootstrap: true", want: "on", sets: "bootstrap=true@file gate=true@flag by=file"},
		{rule: "bootstrap without the gate in 1.11", version: "1.11", config: "serverTLSBootstrap: true", want: "invalid", says: "serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate", sets: "bootstrap=true@file gate=false@default by=file"},
		{rule: "bootstrap alone is enough from 1.12", version: "1.12-1.36", config: "serverTLSBootstrap: true", want: "on", sets: "by=file"},
		{rule: "bootstrap with the gate false by flag", version: "1.11-1.36", argv: named + "=false", config: "serverTLSBootstrap: true", want: "invalid", says: "requires feature gate", sets: "by=flag"},
		{rule: "bootstrap with the gate false by file", version: "1.11-1.36", config: "serverTLSBootstrap: true;featureGates:;  RotateKubeletServerCertificate: false", want: "invalid", sets: "gate=false@file by=file line=5"},
		{rule: "the gate false and no bootstrap", version: "1.11-1.36", argv: named + "=false", want: "off", sets: "by=default"},
		{rule: "1.10 ignores the field", version: "1.10", config: "serverTLSBootstrap: true", want: "off", sets: "bootstrap=false@default gate=false@default"},
		{rule: "1.10 takes the gate of the file", version: "1.10", config: "featureGates:;  RotateKubeletServerCertificate: true", want: "on", sets: "gate=true@file by=file line=4"},
		{rule: "1.10 with a static certificate", version: "1.10", argv: named + "=true --tls-cert-file=/c --tls-private-key-file=/k", want: "on", sets: "masked=true"},
		{rule: "up to 1.10 static and no gate", version: "1.7-1.10", argv: "--tls-cert-file=/c --tls-private-key-file=/k", want: "external", sets: "by=flag"},
	})
}

func TestFeatureGatesFlag(t *testing.T) {
	run(t, []row{
		{rule: "repeats: the last replaces up to 1.8", version: "1.7-1.8", argv: named + "=true --feature-gates=Accelerators=true", want: "off", sets: "gate=false@default named=false"},
		{rule: "repeats: the last alone counts up to 1.8", version: "1.7-1.8", argv: "--feature-gates=Accelerators=true " + named + "=true", want: "on"},
		{rule: "repeats merge from 1.9", version: "1.9-1.10", argv: named + "=true --feature-gates=Accelerators=true", want: "on", sets: "gate=true@flag"},
		{rule: "repeats: later wins per key", version: "1.9", argv: named + "=false " + named + "=true", want: "on"},
		{rule: "within one value the last wins", version: "1.9", argv: named + "=false,RotateKubeletServerCertificate=true", want: "on"},
		{rule: "blanks are trimmed", version: "1.9", want: "on", change: func(in *Input) {
			in.Args = []Arg{{Text: "--feature-gates= RotateKubeletServerCertificate = true ,A=false"}}
		}},
		{rule: "empty items are skipped", version: "1.9", argv: "--feature-gates=,RotateKubeletServerCertificate=true,,", want: "on"},
		{rule: "a blank item is malformed", version: "1.9", want: "invalid", says: "malformed pair", change: func(in *Input) {
			in.Args = []Arg{{Text: "--feature-gates=A=true, "}}
		}},
		{rule: "an empty value is nothing", version: "1.9", argv: "--feature-gates=", want: "off"},
		{rule: "=1", version: "1.9", argv: named + "=1", want: "on"},
		{rule: "=T", version: "1.9", argv: named + "=T", want: "on"},
		{rule: "=yes is no bool", version: "1.9-1.36", argv: named + "=yes", want: "invalid", says: `invalid argument "RotateKubeletServerCertificate=yes" for "--feature-gates" flag: invalid value of RotateKubeletServerCertificate: yes, err: strconv.ParseBool`},
		{rule: "=yes up to 1.8", version: "1.7-1.8", argv: named + "=yes", want: "invalid", says: "invalid value of RotateKubeletServerCertificate: yes, err:"},
		{rule: "no value", version: "1.9", argv: named, want: "invalid", says: "malformed pair, expect string=bool"},
		{rule: "no value up to 1.8", version: "1.8", argv: named, want: "invalid", says: "missing bool value for RotateKubeletServerCertificate"},
		{rule: "quotes are part of the value", version: "1.20", argv: named + `="true"`, want: "invalid"},
		{rule: "keys are case-sensitive", version: "1.9", argv: "--feature-gates=rotatekubeletservercertificate=true", want: "off"},
		{rule: "space form", version: "1.9", argv: "--feature-gates RotateKubeletServerCertificate=true", want: "on"},
		{rule: "underscores", version: "1.9", argv: "--feature_gates=RotateKubeletServerCertificate=true", want: "on"},
		{rule: "flag over file per key", version: "1.12-1.36", argv: named + "=true", config: "serverTLSBootstrap: true;featureGates:;  RotateKubeletServerCertificate: false", want: "on", sets: "gate=true@flag"},
		{rule: "other keys of the file survive the flag", version: "1.12-1.36", argv: "--feature-gates=NodeSwap=true", config: "serverTLSBootstrap: true;featureGates:;  RotateKubeletServerCertificate: false", want: "invalid", sets: "gate=false@file"},
		{rule: "the client gate is another gate", version: "1.10", argv: "--feature-gates=RotateKubeletClientCertificate=true", want: "off"},
	})
}

func TestAllAlphaAllBeta(t *testing.T) {
	run(t, []row{
		{rule: "AllAlpha=true switches on up to 1.10", version: "1.7-1.10", argv: "--feature-gates=AllAlpha=true", want: "on", sets: "gate=true@flag named=false"},
		{rule: "AllAlpha=true sets the gate in 1.11", version: "1.11", argv: "--feature-gates=AllAlpha=true", want: "off", sets: "gate=true@flag"},
		{rule: "AllAlpha=true and bootstrap in 1.11", version: "1.11", argv: "--feature-gates=AllAlpha=true", config: "serverTLSBootstrap: true", want: "on"},
		{rule: "AllAlpha=true does nothing to a beta gate", version: "1.12-1.36", argv: "--feature-gates=AllAlpha=true", want: "off", sets: "gate=true@default"},
		{rule: "AllAlpha=false does nothing", version: "1.7-1.36", argv: "--feature-gates=AllAlpha=false", want: "off"},
		{rule: "the gate itself beats AllAlpha before it", version: "1.7-1.10", argv: "--feature-gates=AllAlpha=true,RotateKubeletServerCertificate=false", want: "off"},
		{rule: "the gate itself beats AllAlpha behind it", version: "1.7-1.10", argv: "--feature-gates=RotateKubeletServerCertificate=false,AllAlpha=true", want: "off"},
		{rule: "AllBeta is not known up to 1.11", version: "1.7-1.11", argv: "--feature-gates=AllBeta=true", want: "invalid", says: "unrecognized key: AllBeta"},
		{rule: "AllBeta is not known up to 1.16", version: "1.12-1.16", argv: "--feature-gates=AllBeta=false", want: "invalid", says: "unrecognized feature gate: AllBeta"},
		{rule: "AllBeta in the file up to 1.16", version: "1.12-1.16", config: "featureGates: {AllBeta: false}", want: "invalid", says: "unrecognized feature gate: AllBeta", sets: "by=file"},
		{rule: "AllBeta=false closes the gate from 1.17", version: "1.17-1.36", argv: "--feature-gates=AllBeta=false", want: "off", sets: "gate=false@flag"},
		{rule: "AllBeta=false and bootstrap from 1.17", version: "1.17-1.36", config: "serverTLSBootstrap: true;featureGates: {AllBeta: false}", want: "invalid", sets: "gate=false@file"},
		{rule: "AllBeta=true does nothing", version: "1.17-1.36", argv: "--feature-gates=AllBeta=true", config: "serverTLSBootstrap: true", want: "on", sets: "gate=true@default"},
		{rule: "the gate itself beats AllBeta", version: "1.17-1.36", argv: "--feature-gates=AllBeta=false", config: "serverTLSBootstrap: true;featureGates: {RotateKubeletServerCertificate: true}", want: "on", sets: "gate=true@file"},
	})
}

func TestGatesThatCameAndWent(t *testing.T) {
	run(t, []row{
		{rule: "the client gate up to 1.20", version: "1.7-1.20", argv: "--feature-gates=RotateKubeletClientCertificate=true", want: "off"},
		{rule: "the client gate is gone from 1.21", version: "1.21-1.36", argv: "--feature-gates=RotateKubeletClientCertificate=true", want: "invalid", says: "unrecognized feature gate: RotateKubeletClientCertificate"},
		{rule: "the client gate in the file", version: "1.21", config: "serverTLSBootstrap: true;featureGates:;  RotateKubeletClientCertificate: true", want: "invalid", sets: "by=file line=5"},
		{rule: "the client gate is locked in 1.19 and 1.20", version: "1.19-1.20", argv: "--feature-gates=RotateKubeletClientCertificate=false", want: "invalid", says: "cannot set feature gate RotateKubeletClientCertificate to false, feature is locked to true"},
		{rule: "the client gate may be false in 1.18", version: "1.18", argv: "--feature-gates=RotateKubeletClientCertificate=false", want: "off"},
		{rule: "the reload gate before 1.31", version: "1.30", argv: "--feature-gates=ReloadKubeletServerCertificateFile=true", want: "invalid", says: "unrecognized feature gate"},
		{rule: "the reload gate from 1.31", version: "1.31-1.36", argv: "--feature-gates=ReloadKubeletServerCertificateFile=false", want: "off"},
		{rule: "gates that are not known are not judged", version: "1.7-1.36", argv: "--feature-gates=NoSuchGate=true", want: "off"},
	})
}
