package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestIsNestedMap(t *testing.T) {
	for content, want := range map[string]bool{
		"         0          0 4294967295\n":         false,
		"         0       1000          1\n":         true,
		"         0     100000 4294867295\n":         true,
		"         0 0 1\n         1 100000 65536\n":  true,
		"         0          0 4294967295\n 5 5 1\n": true,
		"": true,
		"         0          0       1000\n 1000 1000 1\n": true,
	} {
		if got := isNestedMap(content); got != want {
			t.Errorf("isNestedMap(%q) = %v, want %v", content, got, want)
		}
	}
}

func TestIsRootless(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "1": true, "false": false, "0": false} {
		if got, err := isRootless(value); got != want || err != nil {
			t.Errorf("isRootless(%q) = %v, %v, want %v", value, got, err, want)
		}
	}
	if _, err := isRootless(""); err == nil {
		t.Error("isRootless(\"\") is no error")
	}
}

func TestCreateUserRoot(t *testing.T) {
	root := filepath.Join(t.TempDir(), "run", "runnel")
	for range 2 {
		if err := createUserRoot(root); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(root)
		if err != nil {
			t.Fatal(err)
		}
		if want := os.ModeDir | os.ModeSticky | 0o700; st.Mode() != want {
			t.Errorf("mode of the state root is %v, want %v", st.Mode(), want)
		}
	}
}

func TestOwnRoot(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	if got := ownRoot(); got != defaultRoot {
		t.Errorf("ownRoot() without XDG_RUNTIME_DIR = %s", got)
	}
	t.Setenv("XDG_RUNTIME_DIR", "/x")
	t.Setenv("USER", "root")
	want := "/x/runnel"
	if os.Geteuid() == 0 {
		want = defaultRoot
	}
	if got := ownRoot(); got != want {
		t.Errorf("ownRoot() = %s, want %s", got, want)
	}
}
