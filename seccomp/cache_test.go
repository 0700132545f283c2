package seccomp

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/seccomp/compiler"
)

// needsCompiler skips a test in a build that can't compile filters.
func needsCompiler(tb testing.TB) {
	tb.Helper()
	if err := compiler.Available(); err != nil {
		tb.Skip(err)
	}
}

func cacheDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "cache")
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func small(errnoRet uint) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"mkdir"}, Action: specs.ActErrno, ErrnoRet: &errnoRet}},
	}
}

func mustCompile(t *testing.T, p *specs.LinuxSeccomp, dir string) *Filter {
	t.Helper()
	needsCompiler(t)
	f, warnings, err := Compile(t.Context(), p, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Fatalf("warnings: %v", warnings)
	}
	return f
}

// mark puts another program into the entry, correctly summed, so that a test sees
// whether the entry was used.
func mark(t *testing.T, file string, key cacheKey) []byte {
	t.Helper()
	marked := instruction(nil, bpfReturn, 0, 0, actAllow|99)
	if err := os.WriteFile(file, entryOf(key, marked), 0o600); err != nil {
		t.Fatal(err)
	}
	return marked
}

func keyOfProfile(t *testing.T, p *specs.LinuxSeccomp) cacheKey {
	t.Helper()
	l, problems, _ := lower(p, nativeArch())
	if len(problems) > 0 {
		t.Fatal(problems.First())
	}
	return keyOf(compiler.Identity(), l)
}

func TestCacheHit(t *testing.T) {
	dir := cacheDir(t)
	fresh := mustCompile(t, small(1), dir)
	names := entries(t, dir)
	if len(names) != 1 {
		t.Fatalf("entries = %q, want one", names)
	}
	if again := mustCompile(t, small(1), dir); !bytes.Equal(fresh.BPF, again.BPF) || again.Flags != fresh.Flags {
		t.Errorf("second compile differs from the first")
	}
	marked := mark(t, filepath.Join(dir, names[0]), keyOfProfile(t, small(1)))
	if got := mustCompile(t, small(1), dir); !bytes.Equal(got.BPF, marked) {
		t.Errorf("the entry was not used")
	}
	if got := mustCompile(t, small(2), dir); bytes.Equal(got.BPF, marked) || bytes.Equal(got.BPF, fresh.BPF) {
		t.Errorf("another profile got this one's program")
	}
	if names := entries(t, dir); len(names) != 2 {
		t.Errorf("entries = %q, want two", names)
	}
}

// TestCacheKeyParts changes everything that decides the program.
func TestCacheKeyParts(t *testing.T) {
	base := func() *lowered {
		return &lowered{request: compiler.Request{
			DefaultAction: 1, Archs: []compiler.Arch{{Token: tokenX8664, Limit: numberLimit}},
			Rules: []compiler.Rule{{Name: "a", Action: 5, ArgCount: 1}, {Name: "b", Action: 5}},
			Args:  []compiler.Arg{{Index: 0, Op: 1, A: 2, B: 3}},
		}}
	}
	seen := map[cacheKey]string{}
	for name, change := range map[string]func(*lowered){
		"nothing":  func(*lowered) {},
		"default":  func(l *lowered) { l.request.DefaultAction = 2 },
		"prologue": func(l *lowered) { l.prologue = true },
		"arch":     func(l *lowered) { l.request.Archs[0].Token = tokenX32 },
		"archs": func(l *lowered) {
			l.request.Archs = append(l.request.Archs, compiler.Arch{Token: tokenX32, Limit: x32Own})
		},
		"name":     func(l *lowered) { l.request.Rules[0].Name = "c" },
		"border":   func(l *lowered) { l.request.Rules[0].Name, l.request.Rules[1].Name = "ab", "" },
		"action":   func(l *lowered) { l.request.Rules[0].Action = 6 },
		"known":    func(l *lowered) { l.request.Rules[0].Known = true },
		"argument": func(l *lowered) { l.request.Args[0].Index = 1 },
		"operator": func(l *lowered) { l.request.Args[0].Op = 2 },
		"value":    func(l *lowered) { l.request.Args[0].A = 4 },
		"valueTwo": func(l *lowered) { l.request.Args[0].B = 4 },
		"whose":    func(l *lowered) { l.request.Rules[0].ArgCount, l.request.Rules[1].ArgCount = 0, 1 },
	} {
		l := base()
		change(l)
		key := keyOf("2.5.4 a", l)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		seen[key] = name
	}
	if other, ok := seen[keyOf("2.5.4 b", base())]; ok {
		t.Errorf("another compiler and %s have the same key", other)
	}
}

func TestCacheDistrustsEntries(t *testing.T) {
	needsCompiler(t)
	key := keyOfProfile(t, small(1))
	for name, spoil := range map[string]func(t *testing.T, file string) error{
		"group-writable": func(_ *testing.T, file string) error { return os.Chmod(file, 0o620) },
		"world-writable": func(_ *testing.T, file string) error { return os.Chmod(file, 0o602) },
		"another owner": func(t *testing.T, file string) error {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			return os.Chown(file, 65534, 65534)
		},
		"symlink": func(_ *testing.T, file string) error {
			if err := os.Rename(file, file+"x"); err != nil {
				return err
			}
			return os.Symlink(file+"x", file)
		},
		"FIFO": func(_ *testing.T, file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return unix.Mkfifo(file, 0o600)
		},
		"empty":     func(_ *testing.T, file string) error { return os.Truncate(file, 0) },
		"cut short": func(_ *testing.T, file string) error { return os.Truncate(file, int64(cacheHeaderSize+4)) },
		"too long":  func(_ *testing.T, file string) error { return os.Truncate(file, 1<<20) },
		"one bit": func(_ *testing.T, file string) error {
			b := entryOf(key, instruction(nil, bpfReturn, 0, 0, actAllow|99))
			b[len(b)-1] ^= 1
			return os.WriteFile(file, b, 0o600)
		},
		"another magic": func(_ *testing.T, file string) error {
			b := entryOf(key, instruction(nil, bpfReturn, 0, 0, actAllow|99))
			b[0] ^= 1
			return os.WriteFile(file, b, 0o600)
		},
		"another key's": func(_ *testing.T, file string) error {
			b := entryOf(cacheKey("another"), instruction(nil, bpfReturn, 0, 0, actAllow|99))
			return os.WriteFile(file, b, 0o600)
		},
		"another key's of the same length": func(_ *testing.T, file string) error {
			other := cacheKey(strings.Repeat("x", len(key)))
			return os.WriteFile(file, entryOf(other, instruction(nil, bpfReturn, 0, 0, actAllow|99)), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := cacheDir(t)
			fresh := mustCompile(t, small(1), dir)
			file := filepath.Join(dir, entries(t, dir)[0])
			marked := mark(t, file, key)
			if err := spoil(t, file); err != nil {
				t.Fatal(err)
			}
			if got := mustCompile(t, small(1), dir); !bytes.Equal(got.BPF, fresh.BPF) {
				t.Fatalf("program = %x, want the compiled one", got.BPF)
			}
			// Compiled anew, it is an entry to be trusted again.
			if st, err := os.Lstat(file); err != nil || !st.Mode().IsRegular() || st.Mode().Perm() != 0o600 {
				t.Fatalf("entry after repair: %v, %v", st, err)
			}
			mark(t, file, key)
			if got := mustCompile(t, small(1), dir); !bytes.Equal(got.BPF, marked) {
				t.Errorf("the repaired entry was not used")
			}
		})
	}
}

func TestCacheDistrustsDirectory(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, dir string) error{
		"group may enter": func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o710) },
		"all may write":   func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o777) },
		"another owner": func(t *testing.T, dir string) error {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			return os.Chown(dir, 65534, 65534)
		},
		"symlink": func(_ *testing.T, dir string) error {
			if err := os.Rename(dir, dir+"x"); err != nil {
				return err
			}
			return os.Symlink(dir+"x", dir)
		},
		"a file": func(_ *testing.T, dir string) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.WriteFile(dir, nil, 0o600)
		},
		"no parent": func(_ *testing.T, dir string) error { return os.RemoveAll(filepath.Dir(dir)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "root", "cache")
			if err := os.Mkdir(filepath.Dir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			fresh := mustCompile(t, small(1), dir)
			mark(t, filepath.Join(dir, entries(t, dir)[0]), keyOfProfile(t, small(1)))
			if err := make(t, dir); err != nil {
				t.Fatal(err)
			}
			f, warnings, err := Compile(t.Context(), small(1), dir)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(f.BPF, fresh.BPF) {
				t.Errorf("the entry was used")
			}
			if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Error(), "seccomp programs are not cached: ") || !strings.Contains(warnings[0].Error(), dir) {
				t.Errorf("warnings = %v", warnings)
			}
		})
	}
}

func TestCacheEvictsOldest(t *testing.T) {
	dir := cacheDir(t)
	c, err := openCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	program := instruction(nil, bpfReturn, 0, 0, actAllow)
	key := func(i int) cacheKey { return cacheKey(fmt.Sprint(i)) }
	past := time.Now().Add(-time.Hour)
	for i := range cacheEntries {
		if err := c.save(key(i), program); err != nil {
			t.Fatal(err)
		}
		at := past.Add(time.Duration(i) * time.Second)
		if i == 7 {
			at = past.Add(-time.Second) // the oldest isn't the first by name
		}
		if err := os.Chtimes(filepath.Join(dir, key(i).fileName()), at, at); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(dir, ".left-over")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(left, past.Add(-time.Minute), past.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := c.save(key(1000), program); err != nil {
		t.Fatal(err)
	}
	if n := len(entries(t, dir)); n != cacheEntries {
		t.Errorf("%d files, want %d", n, cacheEntries)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the left-over file: %v, want none", err)
	}
	for i, want := range map[int]bool{0: true, 7: false, 8: true, 1000: true} {
		if got := c.load(key(i)) != nil; got != want {
			t.Errorf("entry %d kept = %v, want %v", i, got, want)
		}
	}
}

func TestNoCache(t *testing.T) {
	if f := mustCompile(t, small(1), ""); len(f.BPF) == 0 {
		t.Error("no program")
	}
}

// BenchmarkCompileWarm measures what a container with a large profile costs when its
// filter is in the cache.
func BenchmarkCompileWarm(b *testing.B) {
	needsCompiler(b)
	dir := filepath.Join(b.TempDir(), "cache")
	profile := largeProfile(b)
	for b.Loop() {
		if _, _, err := Compile(b.Context(), profile, dir); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompileCold measures the same without the cache.
func BenchmarkCompileCold(b *testing.B) {
	needsCompiler(b)
	profile := largeProfile(b)
	for b.Loop() {
		if _, _, err := Compile(b.Context(), profile, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCacheIsSavedAtOnce: goroutines that save the same program don't get in each other's
// way.
func TestCacheIsSavedAtOnce(t *testing.T) {
	c, err := openCache(t.TempDir() + "/cache")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	program := make([]byte, 100*instructionSize)
	for i := range 50 {
		key := cacheKey(fmt.Sprint("key ", i))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := c.save(key, program); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if c.load(key) == nil {
			t.Errorf("%s isn't there", key)
		}
	}
}
