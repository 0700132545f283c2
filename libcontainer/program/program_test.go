package program

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestImage(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"usr/bin", "etc", "data", "var"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"usr/bin/sh", "etc/passwd", "data/x"} {
		if err := os.WriteFile(filepath.Join(root, file), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"bin": "usr/bin", "usr/bin/dash": "sh", "usr/bin/abs": "/bin/sh", "usr/bin/up": "../../../../etc/passwd",
		"usr/bin/loop": "loop", "usr/bin/data": "/data/x", "srv": "/var/srv", "usr/bin/host": root + "/etc/passwd",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	i, err := OpenImage(root)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	i.Cover("/data")
	i.Cover("/srv/deep/er")    // doesn't exist, and leads through a link
	i.Cover("/data/below/it")  // below another mount
	i.Cover("/usr/bin/./up/x") // can't exist
	tests := []struct {
		name, path string
		err        error
	}{
		{"/", "/", nil},
		{"/bin/sh", "/usr/bin/sh", nil},
		{"//bin/./dash", "/usr/bin/sh", nil},
		{"/bin/abs", "/usr/bin/sh", nil},
		{"/bin/up", "/etc/passwd", nil},
		{"/../../bin/../etc/passwd", "", unix.ENOENT}, // usr has no etc
		{"/../../usr/../etc/passwd", "/etc/passwd", nil},
		{"/bin/loop", "", unix.ELOOP},
		{"/bin/host", "", unix.ENOENT},
		{"/bin/nosuch", "", unix.ENOENT},
		{"/etc/passwd/x", "", unix.ENOTDIR},
		{"/data", "", ErrCovered},
		{"/data/x", "", ErrCovered},
		{"/data/nosuch", "", ErrCovered},
		{"/bin/data", "", ErrCovered},
		{"/srv", "", unix.ENOENT},
		{"/srv/deep/er/x", "", ErrCovered},
		{"/srv/deep/erx", "", unix.ENOENT},
	}
	for _, tt := range tests {
		f, err := i.Find(tt.name)
		got := ""
		if err == nil {
			got = f.Path
		}
		if got != tt.path || !errors.Is(err, tt.err) {
			t.Errorf("find(%q) = %q, %v, want %q, %v", tt.name, got, err, tt.path, tt.err)
		}
	}
	if diff := cmp.Diff([]string{"/data", "/var/srv/deep/er"}, i.covered); diff != "" {
		t.Errorf("covered (-want +got):\n%s", diff)
	}
}

func elf(class, data byte, machine uint16, loader string) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if data == 2 {
		order = binary.BigEndian
	}
	head := make([]byte, 256)
	copy(head, "\x7fELF")
	head[4], head[5] = class, data
	order.PutUint16(head[18:], machine)
	const table, text = 64, 160
	if class == 2 {
		order.PutUint64(head[32:], table)
		order.PutUint16(head[54:], 56)
		order.PutUint16(head[56:], 1)
		order.PutUint32(head[table:], 3)
		order.PutUint64(head[table+8:], text)
		order.PutUint64(head[table+32:], uint64(len(loader)+1))
	} else {
		order.PutUint32(head[28:], table)
		order.PutUint16(head[42:], 32)
		order.PutUint16(head[44:], 1)
		order.PutUint32(head[table:], 3)
		order.PutUint32(head[table+4:], text)
		order.PutUint32(head[table+16:], uint32(len(loader)+1))
	}
	copy(head[text:], loader)
	return head
}

func TestParseELF(t *testing.T) {
	tests := []struct {
		name string
		head []byte
		want ELF
		ok   bool
	}{
		{"64 bits", elf(2, 1, 62, "/lib64/ld.so"), ELF{62, true, false, "/lib64/ld.so"}, true},
		{"64 bits, the other order", elf(2, 2, 22, "/lib/ld.so"), ELF{22, true, true, "/lib/ld.so"}, true},
		{"32 bits", elf(1, 1, 3, "/lib/ld.so"), ELF{3, false, false, "/lib/ld.so"}, true},
		{"32 bits, the other order", elf(1, 2, 8, "/l"), ELF{8, false, true, "/l"}, true},
		{"a table beyond the head", elf(2, 1, 62, "/x")[:80], ELF{62, true, false, ""}, true},
		{"a loader beyond the head", elf(2, 1, 62, "/x")[:160], ELF{62, true, false, ""}, true},
		{"cut off", elf(2, 1, 62, "/x")[:63], ELF{}, false},
	}
	for _, tt := range tests {
		if got, ok := ParseELF(tt.head); got != tt.want || ok != tt.ok {
			t.Errorf("%s: ParseELF = %+v, %v, want %+v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	huge := elf(2, 1, 62, "/x")
	for _, at := range []int{32, 40, 54, 56, 64 + 8, 64 + 32} {
		for i := range 8 {
			huge[at+i] = 0xff
		}
		ParseELF(huge) // must not panic
	}
}

func TestRunsOn(t *testing.T) {
	tests := []struct {
		arch    string
		machine uint16
		big     bool
		want    bool
	}{
		{"amd64", 62, false, true}, {"amd64", 3, false, true}, {"amd64", 183, false, false},
		{"arm64", 183, false, true}, {"arm64", 40, false, true}, {"arm64", 183, true, false}, {"arm64", 62, false, false},
		{"riscv64", 243, false, true}, {"riscv64", 62, false, false},
	}
	for _, tt := range tests {
		if got := (ELF{Machine: tt.machine, BigEndian: tt.big}).RunsOn(tt.arch); got != tt.want {
			t.Errorf("RunsOn(%s, machine %d, big %v) = %v", tt.arch, tt.machine, tt.big, got)
		}
	}
}

func TestScriptInterpreter(t *testing.T) {
	tests := []struct {
		line, name string
		hasReturn  bool
	}{
		{"/bin/sh\nx", "/bin/sh", false}, {" \t/bin/sh -e\n", "/bin/sh", false}, {"/bin/sh\r\n", "/bin/sh\r", true},
		{"/bin/sh -e\r\n", "/bin/sh", false}, {"\n", "", false}, {"", "", false},
	}
	for _, tt := range tests {
		if name, hasReturn := ScriptInterpreter(tt.line); name != tt.name || hasReturn != tt.hasReturn {
			t.Errorf("ScriptInterpreter(%q) = %q, %v, want %q, %v", tt.line, name, hasReturn, tt.name, tt.hasReturn)
		}
	}
}

func TestBinfmt(t *testing.T) {
	const arm = "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: F\noffset 0\n" +
		"magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
	const jar = "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n"
	tests := []struct {
		name, text, file string
		head             []byte
		want             bool
	}{
		{"a magic", arm, "/bin/x", elf(2, 1, 183, ""), false}, // an object file: type 0
		{"a magic and a mask", arm, "/bin/x", typed(elf(2, 1, 183, ""), 3), true},
		{"another machine", arm, "/bin/x", typed(elf(2, 1, 62, ""), 3), false},
		{"too short", arm, "/bin/x", []byte("\x7fELF"), false},
		{"an extension", jar, "/srv/a.jar", nil, true},
		{"another extension", jar, "/srv/ajar", nil, false},
		{"nothing", "disabled\n", "/x", []byte("x"), false},
		{"a bad offset", "enabled\noffset -4\nmagic 78\n", "/x", []byte("x"), false},
	}
	for _, tt := range tests {
		h := parseHandler(tt.text)
		if got := h.matches(tt.file, tt.head); got != tt.want {
			t.Errorf("%s: matches = %v, want %v (%+v)", tt.name, got, tt.want, h)
		}
	}
	if h := parseHandler(arm); !h.isEnabled || h.interpreter != "/usr/bin/qemu-aarch64" {
		t.Errorf("parseHandler = %+v", h)
	}
	if parseHandler("disabled\ninterpreter /x\n").isEnabled {
		t.Error("a disabled handler is enabled")
	}
}

func typed(head []byte, kind byte) []byte {
	head[6], head[16] = 1, kind
	return head
}
