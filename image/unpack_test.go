package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const someFile = "-rw-r--r-- "

func TestUnpackLayers(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers [][]tar.Header
		want   []string
	}{
		{"files", [][]tar.Header{{dir("./", 0o755), dir("./a/", 0o750), file("./a/f", "1"), file("b", "2"), link("l", "/a/f"), hard("h", "a/f")}},
			[]string{"drwxr-x--- a", someFile + "a/f 1", someFile + "b 2", someFile + "h 1", "Lrwxrwxrwx l -> /a/f"}},
		{"directories that no entry has", [][]tar.Header{{file("a/b/c", "")}}, []string{"drwxr-xr-x a", "drwxr-xr-x a/b", someFile + "a/b/c "}},
		{"a directory that its owner can't read", [][]tar.Header{{dir("a", 0o100), file("a/f", "1")}, {file("a/g", "2"), dir("a", 0o700)}},
			[]string{"drwx------ a", someFile + "a/f 1", someFile + "a/g 2"}},
		{"a whiteout", [][]tar.Header{{file("a/f", "1"), file("a/g", "2"), file("b/c/d", "3")}, {file("a/.wh.f", ""), file(".wh.b", "")}},
			[]string{"drwxr-xr-x a", someFile + "a/g 2"}},
		{"a whiteout of nothing", [][]tar.Header{{file("a", "1")}, {file(".wh.b", ""), file("c/.wh.d", ""), file("a/.wh.b", ""), file("a/.wh..wh..opq", "")}}, []string{someFile + "a 1"}},
		{"a whiteout of what the same layer has", [][]tar.Header{{file("a", "old"), file("b/old", "")}, {file("a", "new"), file(".wh.a", ""), file("b/new", ""), file(".wh.b", "")}},
			[]string{someFile + "a new", "drwxr-xr-x b", someFile + "b/new "}},
		{"an opaque directory", [][]tar.Header{{dir("a", 0o755), file("a/old/x", ""), file("a/f", "1"), file("b", "2")}, {file("a/new", "3"), dir("a/f", 0o755), file("a/.wh..wh..opq", "")}},
			[]string{"drwxr-xr-x a", "drwxr-xr-x a/f", someFile + "a/new 3", someFile + "b 2"}},
		{"an opaque directory that is marked first", [][]tar.Header{{file("a/f", "1")}, {dir("a", 0o711), file("a/.wh..wh..opq", ""), file("a/g", "2")}},
			[]string{"drwx--x--x a", someFile + "a/g 2"}},
		{"an opaque root", [][]tar.Header{{file("a/f", "1"), file("b", "")}, {file(".wh..wh..opq", ""), file("c", "3")}}, []string{someFile + "c 3"}},
		{"files of aufs", [][]tar.Header{{file(".wh..wh.plnk/1.2", ""), dir(".wh..wh.orph", 0o700), file("a", "")}}, []string{"drwxr-xr-x .wh..wh.plnk", someFile + ".wh..wh.plnk/1.2 ", someFile + "a "}},
		{"a file for a directory, and the reverse", [][]tar.Header{{file("a/b/c", "1"), file("d", "2")}, {file("a", "3"), file("d/e", "4")}}, nil},
		{"a file for a directory", [][]tar.Header{{file("a/b/c", "1")}, {file("a", "3")}}, []string{someFile + "a 3"}},
		{"a directory for a file", [][]tar.Header{{file("d", "2")}, {dir("d", 0o755), file("d/e", "4")}}, []string{"drwxr-xr-x d", someFile + "d/e 4"}},
		{"a link for a directory", [][]tar.Header{{dir("a", 0o700), file("a/b", "1"), dir("c", 0o755)}, {link("a", "c"), file("a/d", "2")}},
			[]string{"Lrwxrwxrwx a -> c", "drwxr-xr-x c", someFile + "c/d 2"}},
		{"a directory for a link", [][]tar.Header{{dir("c", 0o755), link("a", "c")}, {dir("a", 0o755), file("a/d", "2")}},
			[]string{"drwxr-xr-x a", someFile + "a/d 2", "drwxr-xr-x c"}},
		{"entries twice", [][]tar.Header{{file("a", "1"), file("a", "2"), dir("b", 0o700), file("b/c", "3"), dir("b", 0o711), link("a", "x")}},
			[]string{"Lrwxrwxrwx a -> x", "drwx--x--x b", someFile + "b/c 3"}},
		{"below an absolute link", [][]tar.Header{{dir("run", 0o755), link("var/run", "/run"), file("var/run/f", "1")}},
			[]string{"drwxr-xr-x run", someFile + "run/f 1", "drwxr-xr-x var", "Lrwxrwxrwx var/run -> /run"}},
		{"a changed copy of a hard link", [][]tar.Header{{file("a", "1"), hard("b", "a")}, {file("b", "2")}}, []string{someFile + "a 1", someFile + "b 2"}},
		{"a hard link to a link", [][]tar.Header{{link("a", "/etc/passwd"), hard("b", "a")}}, []string{"Lrwxrwxrwx a -> /etc/passwd", "Lrwxrwxrwx b -> /etc/passwd"}},
		{"a pipe", [][]tar.Header{{special("p", tar.TypeFifo)}}, []string{"prw-r--r-- p"}},
		{"no layer", nil, []string{""}},
		{"an empty layer", [][]tar.Header{{}}, []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var layers [][]byte
			for _, entries := range c.layers {
				layers = append(layers, archiveOf(t, entries...))
			}
			root, err := unpacked(t, imageOf(t, layers...), Options{Squash: os.Geteuid() != 0})
			if c.want == nil {
				if err == nil {
					t.Error("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := listing(t, root), strings.Join(c.want, "\n"); got != want {
				t.Errorf("unpacked:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// Whatever an image tries, nothing outside of the root changes: unpacked looks.
func TestHostileLayers(t *testing.T) {
	var huge bytes.Buffer
	if err := tar.NewWriter(&huge).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 1 << 60, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		layer []byte
		want  string // "" if it is unpacked
	}{
		{"..", archiveOf(t, file("../outside", "x")), `"../outside": the path has ..`},
		{".. in the middle", archiveOf(t, file("a/../../outside", "x")), "has .. in it"},
		{".. of a directory", archiveOf(t, dir("a/..", 0o777)), "has .. in it"},
		{"an absolute path", archiveOf(t, file("/outside", "x")), ""},
		{"an absolute link", archiveOf(t, link("l", "/"), file("l/outside", "x")), ""},
		{"a link upwards", archiveOf(t, link("l", "../../.."), file("l/outside", "x")), ""},
		{"a chain of links upwards", archiveOf(t, link("a", ".."), link("b", "a/.."), link("c", "b/.."), file("c/outside", "x")), ""},
		{"a link that is written", archiveOf(t, link("l", "../outside"), file("l", "x")), ""},
		{"a link that nothing is at", archiveOf(t, link("l", "nowhere"), file("l/f", "x")), "its directory: "},
		{"links in a circle", archiveOf(t, link("a", "b"), link("b", "a"), file("a/f", "x")), "its directory: "},
		{"a link to itself", archiveOf(t, link("a", "a"), file("a/f", "x")), "its directory: "},
		{"a hard link upwards", archiveOf(t, hard("h", "../outside")), "hard link to \"../outside\": the path has .."},
		{"a hard link through a link", archiveOf(t, link("l", "../.."), hard("h", "l/outside")), "no such file"},
		{"a hard link to a link, written", archiveOf(t, link("l", "../outside"), hard("h", "l"), file("h", "x")), ""},
		{"a hard link to a directory", archiveOf(t, dir("d", 0o755), hard("h", "d")), "it is a directory"},
		{"a hard link to the root", archiveOf(t, hard("h", "/")), "not another file"},
		{"a hard link to itself", archiveOf(t, file("h", "x"), hard("./h", "h")), "not another file"},
		{"a hard link to nothing", archiveOf(t, hard("h", "a")), "no such file"},
		{"a whiteout of ..", archiveOf(t, file(".wh...", "")), "a whiteout of no name"},
		{"a whiteout of . in a directory", archiveOf(t, file("a/x", ""), file("a/.wh..", "")), "a whiteout of no name"},
		{"a whiteout of nothing", archiveOf(t, file("a/.wh.", "")), "a whiteout of no name"},
		{"a whiteout through a link", archiveOf(t, link("l", ".."), file("l/.wh.outside", "")), ""},
		{"an opaque directory through a link", archiveOf(t, link("l", ".."), file("l/.wh..wh..opq", "")), ""},
		{"the root is a file", archiveOf(t, file(".", "x")), "the root is not a directory"},
		{"the root is a link", archiveOf(t, link(".", "..")), "the root is not a directory"},
		{"a long path", archiveOf(t, file(strings.Repeat("a/", 3000)+"f", "x")), "too long"},
		{"an unknown type", archiveOf(t, tar.Header{Typeflag: 'Z', Name: "z"}), "unknown type"},
		{"a gigantic file", huge.Bytes(), "larger than 68719476736 bytes"},
		{"cut off", archiveOf(t, file("a", strings.Repeat("x", 4000)))[:2048], "unexpected EOF"},
		{"no archive", []byte(strings.Repeat("x", 2000)), "invalid tar header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := unpacked(t, imageOf(t, c.layer), Options{Squash: os.Geteuid() != 0})
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	o := Options{Squash: os.Geteuid() != 0, MaxBytes: 10}
	if _, err := unpacked(t, imageOf(t, archiveOf(t, file("a", "12345"), file("b", "12345"))), o); err != nil {
		t.Error(err)
	}
	_, err := unpacked(t, imageOf(t, archiveOf(t, file("a", "12345")), archiveOf(t, file("a", "123456"))), o)
	if err == nil || !strings.Contains(err.Error(), `"a": the files of the image are larger than 10 bytes`) {
		t.Errorf("11 bytes: %v", err)
	}
	o = Options{Squash: o.Squash, MaxEntries: 2}
	_, err = unpacked(t, imageOf(t, archiveOf(t, file("a", ""), file("a", "")), archiveOf(t, file(".wh.a", ""))), o)
	if err == nil || !strings.Contains(err.Error(), "more than 2 entries") {
		t.Errorf("three entries: %v", err)
	}
	// The content of a whiteout is skipped, and costs time.
	_, err = unpacked(t, imageOf(t, archiveOf(t, file(".wh.a", strings.Repeat("x", 20000)))), Options{Squash: o.Squash, MaxBytes: 1000, MaxEntries: 2})
	if err == nil || !strings.Contains(err.Error(), "the layers are larger than the limits") {
		t.Errorf("20000 bytes that are skipped: %v", err)
	}
	if _, err = unpacked(t, imageOf(t, archiveOf(t, file("a/b", ""))), o); err != nil {
		t.Errorf("a file in a directory without an entry: %v", err)
	}
	_, err = unpacked(t, imageOf(t, archiveOf(t, file("a/b/c", ""))), o)
	if err == nil || !strings.Contains(err.Error(), "more than 2 entries") {
		t.Errorf("a file in two directories without an entry: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	i, err := Open(imageOf(t, archiveOf(t, file("a", ""))), "")
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if err := i.Unpack(ctx, t.TempDir(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Unpack after cancel: %v", err)
	}
}

func TestDevices(t *testing.T) {
	layer := archiveOf(t, special("dev/null", tar.TypeChar), special("dev/sda", tar.TypeBlock), file("a", ""))
	var warnings []string
	o := Options{Squash: os.Geteuid() != 0, Warn: func(text string) { warnings = append(warnings, text) }}
	root, err := unpacked(t, imageOf(t, layer), o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := listing(t, root), someFile+"a "; got != want {
		t.Errorf("unpacked:\n%s\nwant:\n%s", got, want)
	}
	if want := `2 device nodes of the image are left out, such as ["dev/null" "dev/sda"]`; len(warnings) != 1 || warnings[0] != want {
		t.Errorf("warnings %q, want %q", warnings, want)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make device nodes")
	}
	o.Devices = true
	if root, err = unpacked(t, imageOf(t, layer), o); err != nil {
		if errors.Is(err, unix.EPERM) {
			t.Skip("the tests may not make device nodes")
		}
		t.Fatal(err)
	}
	if got, want := listing(t, root), someFile+"a \ndrwxr-xr-x dev\nDcrw-r--r-- dev/null\nDrw-r--r-- dev/sda"; got != want {
		t.Errorf("unpacked with devices:\n%s\nwant:\n%s", got, want)
	}
}

// Set-ID bits survive the change of the owner, and so do times and attributes.
func TestMetadata(t *testing.T) {
	when := time.Unix(1_600_000_000, 0)
	h := file("d/su", "x")
	h.Mode, h.ModTime, h.Format = 0o6755, when, tar.FormatPAX
	h.PAXRecords = map[string]string{
		"SCHILY.xattr.user.note": "kept", "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.security.selinux": "x",
		"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	}
	d := dir("d", 0o1755)
	d.ModTime = when
	l := link("d/l", "su")
	l.ModTime = when
	squash := os.Geteuid() != 0
	root, err := unpacked(t, imageOf(t, archiveOf(t, d, h, l)), Options{Squash: squash})
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{
		"d": os.ModeDir | os.ModeSticky | 0o755, "d/su": os.ModeSetuid | os.ModeSetgid | 0o755, "d/l": os.ModeSymlink | 0o777,
	} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode || !info.ModTime().Equal(when) {
			t.Errorf("%s: %v of %v, want %v of %v", name, info.Mode(), info.ModTime(), mode, when)
		}
	}
	var buf [256]byte
	path := filepath.Join(root, "d/su")
	n, err := unix.Lgetxattr(path, "user.note", buf[:])
	if err == unix.ENOTSUP {
		t.Skip("the file system has no attributes")
	}
	if err != nil || string(buf[:n]) != "kept" {
		t.Errorf("user.note = %q, %v", buf[:max(n, 0)], err)
	}
	if n, err := unix.Lgetxattr(path, "security.capability", buf[:]); !squash && (err != nil || n != 20) {
		t.Errorf("security.capability has %d bytes, %v", n, err)
	}
	if n, err := unix.Lgetxattr(path, "trusted.overlay.opaque", buf[:]); err == nil {
		t.Errorf("trusted.overlay.opaque = %q", buf[:n])
	}
}

// FuzzUnpack unpacks any two layers: nothing outside of the root changes, and what is left can
// be listed.
func FuzzUnpack(f *testing.F) {
	add := func(first, second []tar.Header) {
		var layers [2]bytes.Buffer
		for i, entries := range [][]tar.Header{first, second} {
			w := tar.NewWriter(&layers[i])
			for _, h := range entries {
				h.Uname = ""
				if err := w.WriteHeader(&h); err != nil {
					f.Fatal(err)
				}
			}
			w.Close()
		}
		f.Add(layers[0].Bytes(), layers[1].Bytes())
	}
	add([]tar.Header{dir("a", 0o755), file("a/f", ""), link("l", "../.."), hard("h", "a/f")}, []tar.Header{file("l/.wh.outside", ""), file("a/.wh..wh..opq", "")})
	add([]tar.Header{link("a", "/"), special("p", tar.TypeFifo)}, []tar.Header{file("a/a/a/outside", ""), file(".wh.a", ""), dir("p/", 0)})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		// Owners would need root, and large files time.
		root, err := unpacked(t, imageOf(t, first, second), Options{Squash: true, MaxBytes: 1 << 20, MaxEntries: 1000})
		if err == nil && os.Geteuid() == 0 {
			listing(t, root)
		}
	})
}
