package oracle

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// manifests are the objects of a file of docs/examples, decoded as strictly as
// an API server does it with fieldValidation=Strict: no unknown field, none twice.
func manifests(t *testing.T, name string) (objects []runtime.Object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../docs/examples", name))
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{batchv1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		objects = append(objects, object)
	}
	return objects
}

// The Kubernetes manifests of the documentation are what the API's own types take.
func TestExampleManifests(t *testing.T) {
	var claim string
	for _, name := range []string{"job.yaml", "report.yaml"} {
		for _, object := range manifests(t, name) {
			switch o := object.(type) {
			case *corev1.PersistentVolumeClaim:
				claim = o.Name
			case *batchv1.Job:
				t.Run(o.Name, func(t *testing.T) { checkPod(t, o.Spec.Template.Spec, claim) })
				if name == "job.yaml" {
					checkShards(t, o.Spec)
				}
			default:
				t.Errorf("%s: a %T", name, o)
			}
		}
	}
}

// checkShards wants a pod for each shard (the Job's own documentation: completion
// indexes are from 0 to completions-1, and limits per index are for Indexed only).
func checkShards(t *testing.T, job batchv1.JobSpec) {
	t.Helper()
	if job.CompletionMode == nil || *job.CompletionMode != batchv1.IndexedCompletion || job.BackoffLimitPerIndex == nil {
		t.Fatal("no Indexed Job with a limit per index")
	}
	for _, env := range job.Template.Spec.Containers[0].Env {
		if env.Name == "SHARDS" && env.Value == strconv.Itoa(int(*job.Completions)) {
			return
		}
	}
	t.Errorf("SHARDS is not %d", *job.Completions)
}

// checkPod wants a pod that needs no rights, and every volume where it is used.
func checkPod(t *testing.T, pod corev1.PodSpec, claim string) {
	t.Helper()
	c := pod.Containers[0]
	rights := c.SecurityContext
	switch {
	case !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser == 0:
		t.Error("it may run as root")
	case !*rights.ReadOnlyRootFilesystem || *rights.AllowPrivilegeEscalation || len(rights.Capabilities.Drop) != 1 || rights.Capabilities.Drop[0] != "ALL":
		t.Error("it may do more than it needs")
	case *pod.AutomountServiceAccountToken:
		t.Error("it has a token for the API")
	case pod.RestartPolicy != corev1.RestartPolicyNever:
		t.Error("limits per index, and none of the report, are for pods that are not restarted")
	case c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero():
		t.Error("no resources")
	}
	volumes := make(map[string]corev1.Volume)
	for _, v := range pod.Volumes {
		volumes[v.Name] = v
	}
	for _, mount := range c.VolumeMounts {
		v, ok := volumes[mount.Name]
		delete(volumes, mount.Name)
		switch {
		case !ok:
			t.Errorf("no volume %s", mount.Name)
		case v.Secret != nil && *v.Secret.DefaultMode != 0o440:
			t.Errorf("the key has mode %o", *v.Secret.DefaultMode)
		case v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName != claim:
			t.Errorf("the claim %s, and the example has %s", v.PersistentVolumeClaim.ClaimName, claim)
		}
	}
	if len(volumes) > 0 {
		t.Errorf("volumes that are not mounted: %v", volumes)
	}
}
