package libcontainer

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
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
	i, err := openImage(root)
	if err != nil {
		t.Fatal(err)
	}
	defer i.close()
	i.cover("/data")
	i.cover("/srv/deep/er")    // isn't there, and leads through a link
	i.cover("/data/below/it")  // within another
	i.cover("/usr/bin/./up/x") // can't be
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
		{"/data", "", errCovered},
		{"/data/x", "", errCovered},
		{"/data/nosuch", "", errCovered},
		{"/bin/data", "", errCovered},
		{"/srv", "", unix.ENOENT},
		{"/srv/deep/er/x", "", errCovered},
		{"/srv/deep/erx", "", unix.ENOENT},
	}
	for _, tt := range tests {
		f, err := i.find(tt.name)
		got := ""
		if err == nil {
			got = f.path
		}
		if got != tt.path || !errors.Is(err, tt.err) {
			t.Errorf("find(%q) = %q, %v, want %q, %v", tt.name, got, err, tt.path, tt.err)
		}
	}
	if diff := cmp.Diff([]string{"/data", "/var/srv/deep/er"}, i.covered); diff != "" {
		t.Errorf("covered (-want +got):\n%s", diff)
	}
}

// elf makes the beginning of an ELF file with a program header for a loader.
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
		want elfProgram
		ok   bool
	}{
		{"64 bits", elf(2, 1, 62, "/lib64/ld.so"), elfProgram{62, true, false, "/lib64/ld.so"}, true},
		{"64 bits, the other order", elf(2, 2, 22, "/lib/ld.so"), elfProgram{22, true, true, "/lib/ld.so"}, true},
		{"32 bits", elf(1, 1, 3, "/lib/ld.so"), elfProgram{3, false, false, "/lib/ld.so"}, true},
		{"32 bits, the other order", elf(1, 2, 8, "/l"), elfProgram{8, false, true, "/l"}, true},
		{"a table beyond the head", elf(2, 1, 62, "/x")[:80], elfProgram{62, true, false, ""}, true},
		{"a loader beyond the head", elf(2, 1, 62, "/x")[:160], elfProgram{62, true, false, ""}, true},
		{"cut off", elf(2, 1, 62, "/x")[:63], elfProgram{}, false},
	}
	for _, tt := range tests {
		if got, ok := parseELF(tt.head); got != tt.want || ok != tt.ok {
			t.Errorf("%s: parseELF = %+v, %v, want %+v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	huge := elf(2, 1, 62, "/x")
	for _, at := range []int{32, 40, 54, 56, 64 + 8, 64 + 32} {
		for i := range 8 {
			huge[at+i] = 0xff
		}
		parseELF(huge) // must not panic
	}
}

func TestRunsHere(t *testing.T) {
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
		if got := runsHere(tt.arch, elfProgram{machine: tt.machine, big: tt.big}); got != tt.want {
			t.Errorf("runsHere(%s, machine %d, big %v) = %v", tt.arch, tt.machine, tt.big, got)
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
		if name, hasReturn := scriptInterpreter(tt.line); name != tt.name || hasReturn != tt.hasReturn {
			t.Errorf("scriptInterpreter(%q) = %q, %v, want %q, %v", tt.line, name, hasReturn, tt.name, tt.hasReturn)
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

// typed sets e_type and e_ident's version as files to execute have them.
func typed(head []byte, kind byte) []byte {
	head[6], head[16] = 1, kind
	return head
}

func TestMayExecute(t *testing.T) {
	mapped := &specs.Linux{
		UIDMappings: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 10}},
		GIDMappings: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 10}},
	}
	override := []string{"CAP_DAC_OVERRIDE"}
	tests := []struct {
		name    string
		process specs.Process
		linux   *specs.Linux
		stat    unix.Stat_t
		want    bool
	}{
		{"all", specs.Process{User: specs.User{UID: 1, GID: 1}}, nil, unix.Stat_t{Mode: 0o755}, true},
		{"the owner", specs.Process{User: specs.User{UID: 1}}, nil, unix.Stat_t{Mode: 0o700, Uid: 1}, true},
		{"others but not the owner", specs.Process{User: specs.User{UID: 1}}, nil, unix.Stat_t{Mode: 0o677, Uid: 1}, false},
		{"the group", specs.Process{User: specs.User{UID: 1, GID: 2}}, nil, unix.Stat_t{Mode: 0o750, Gid: 2}, true},
		{"an additional group", specs.Process{User: specs.User{UID: 1, AdditionalGids: []uint32{2}}}, nil, unix.Stat_t{Mode: 0o750, Gid: 2}, true},
		{"nobody else", specs.Process{User: specs.User{UID: 1, GID: 1}}, nil, unix.Stat_t{Mode: 0o750}, false},
		{"root without capabilities", specs.Process{}, nil, unix.Stat_t{Mode: 0o700, Uid: 1, Gid: 1}, false},
		{"a capability", specs.Process{Capabilities: &specs.LinuxCapabilities{Effective: override, Permitted: override}}, nil,
			unix.Stat_t{Mode: 0o700, Uid: 1, Gid: 1}, true},
		{"a capability that isn't permitted", specs.Process{Capabilities: &specs.LinuxCapabilities{Effective: override}}, nil,
			unix.Stat_t{Mode: 0o700, Uid: 1, Gid: 1}, false},
		{"a mapped owner", specs.Process{User: specs.User{UID: 5}}, mapped, unix.Stat_t{Mode: 0o700, Uid: 1005}, true},
		{"an owner that isn't mapped", specs.Process{User: specs.User{UID: 5}}, mapped, unix.Stat_t{Mode: 0o700, Uid: 5}, false},
	}
	for _, tt := range tests {
		linux := tt.linux
		if linux == nil {
			linux = &specs.Linux{}
		}
		if got := mayExecute(&tt.process, linux, &tt.stat); got != tt.want {
			t.Errorf("%s: mayExecute = %v", tt.name, got)
		}
	}
}

func TestIsWithin(t *testing.T) {
	ranges := []plan.IDRange{{Host: 1000, Size: 1}, {Host: 100000, Size: 1000}, {Host: 101000, Size: 1000}}
	for _, tt := range []struct {
		host, size uint32
		want       bool
	}{
		{1000, 1, true}, {1000, 2, false}, {100000, 1000, true}, {100500, 1000, true}, {100500, 1501, false}, {99999, 2, false}, {0, 0, true},
		{4294967295, 4294967295, false},
	} {
		if got := isWithin(specs.LinuxIDMapping{HostID: tt.host, Size: tt.size}, ranges); got != tt.want {
			t.Errorf("isWithin(%d, %d ids) = %v", tt.host, tt.size, got)
		}
	}
}

func TestIDTables(t *testing.T) {
	const subuid = "alice:100000:65536\nbob:165536:65536\n1000:300000:10\n:5:5\nbad:x:1\nalice:1\n"
	list := subordinates(subuid, "alice", 1000)
	if len(list) != 2 || list[0] != (plan.IDRange{Host: 100000, Size: 65536}) || list[1] != (plan.IDRange{Host: 300000, Size: 10}) {
		t.Errorf("subordinates = %v", list)
	}
	if list := subordinates(subuid, "", 7); len(list) != 0 {
		t.Errorf("subordinates of nobody = %v", list)
	}
	if name := userName("root:x:0:0::/:\nalice:x:1000:1000::/:\n", 1000); name != "alice" {
		t.Errorf("userName = %q", name)
	}
	if list := insideOf("         0       1000          1\n         1     100000      65536\n"); !isWithin(specs.LinuxIDMapping{HostID: 1, Size: 65536}, list) {
		t.Errorf("insideOf = %v", list)
	}
	for text, want := range map[string]bool{"passwd: files\n": false, "subid: files\n": false, "subid: sss\n": true, " subid:files sss": true} {
		if got := namesFromElsewhere(text); got != want {
			t.Errorf("namesFromElsewhere(%q) = %v", text, got)
		}
	}
}

func TestHostTables(t *testing.T) {
	const filesystems = "nodev\tsysfs\nnodev\ttmpfs\n\text4\n"
	for kind, want := range map[string]bool{"tmpfs": true, "ext4": true, "nodev": false, "fuse": false, "": false} {
		if got := isListed([]byte(filesystems), kind); got != want {
			t.Errorf("isListed(%q) = %v", kind, got)
		}
	}
	const profiles = "docker-default (enforce)\n/usr/sbin/x (complain)\n"
	for name, want := range map[string]bool{
		"docker-default": true, "/usr/sbin/x": true, "docker": false, "docker-default (enforce)": false,
		"a//&b": true, ":ns:x": true,
	} {
		if got := isLoaded([]byte(profiles), name); got != want {
			t.Errorf("isLoaded(%q) = %v", name, got)
		}
	}
	for _, tt := range []struct {
		wanted, there string
		want          bool
	}{{"", "0", true}, {"0-1", "0-1", true}, {"1", "0-1", true}, {"2", "0-1", false}, {"64", "0-1", false}, {"0,64", "0-64", true}} {
		wanted, _ := words.ParseList(tt.wanted)
		there, _ := words.ParseList(tt.there)
		if got := isSubset(wanted, there); got != tt.want {
			t.Errorf("isSubset(%q, %q) = %v", tt.wanted, tt.there, got)
		}
	}
}
