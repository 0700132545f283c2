package preflight

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/specconv/words"
)

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

func TestNamesFromElsewhere(t *testing.T) {
	for text, want := range map[string]bool{"passwd: files\n": false, "subid: files\n": false, "subid: sss\n": true, " subid:files sss": true} {
		if got := namesFromElsewhere(text); got != want {
			t.Errorf("namesFromElsewhere(%q) = %v", text, got)
		}
	}
}
