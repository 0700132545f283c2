package spelling

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"mounts", "hooks", "hostname", "uid", "gid", "args", "RLIMIT_CPU", "RLIMIT_NOFILE"}
	for word, want := range map[string]string{
		"mount": "mounts", "moutns": "mounts", "HOOKS": "hooks", "Uid": "uid", "host": "", "x": "", "": "", "hostnames": "hostname",
		"nofile": "RLIMIT_NOFILE", "RLIMIT_NOFIEL": "RLIMIT_NOFILE", "CPU": "RLIMIT_CPU", "file": "", "_": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("mount", Names("mounts")), `did you mean "mounts"?`; got != want {
		t.Errorf("Hint() = %q, want %q", got, want)
	}
	if got := Hint("x", []string{"mounts"}); got != "" {
		t.Errorf("Hint() = %q of an unknown word", got)
	}
}
