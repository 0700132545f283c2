package words

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestMountOptionsAreThoseOfTheSpec compares the table with config.md, "Linux
// mount options", all of it.
func TestMountOptionsAreThoseOfTheSpec(t *testing.T) {
	want := []string{
		"async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "iversion",
		"lazytime", "loud", "mand", "noatime", "nodev", "nodiratime", "noexec", "noiversion",
		"nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private",
		"ratime", "rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "ridmap", "rnoatime",
		"rnodev", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid",
		"rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave",
		"rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave",
		"strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
	}
	got := Features().MountOptions
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mount options differ (-want +got):\n%s", diff)
	}
	for _, name := range got {
		if o, ok := optionOf(name); !ok || o.name != name {
			t.Errorf("optionOf(%q) finds nothing", name)
		}
	}
	if _, ok := optionOf("size=1"); ok {
		t.Error(`optionOf("size=1") finds something`)
	}
}

func TestCompileOptions(t *testing.T) {
	tests := []struct {
		list []string
		want MountOptions
	}{
		{nil, MountOptions{}},
		{[]string{"defaults", "async", "loud", "silent", ""}, MountOptions{}},
		{[]string{"ro", "rw"}, MountOptions{Attr: Attr{Clear: unix.MOUNT_ATTR_RDONLY}, Flagged: true}},
		{[]string{"rw", "ro"}, MountOptions{Attr: Attr{Set: unix.MOUNT_ATTR_RDONLY}, Flagged: true, Readonly: true}},
		{[]string{"noatime", "relatime"}, MountOptions{Attr: Attr{Clear: atime}, Flagged: true}},
		{[]string{"strictatime", "noatime"}, MountOptions{Attr: Attr{Set: noatime, Clear: atime}, Flagged: true}},
		{[]string{"rstrictatime", "rnodev"}, MountOptions{Recursive: Attr{Set: strictatime | unix.MOUNT_ATTR_NODEV, Clear: atime}}},
		{[]string{"sync", "mand", "async", "nomand", "dirsync"}, MountOptions{Superblock: []string{"dirsync"}}},
		{[]string{"slave", "rshared"}, MountOptions{Propagation: []uint64{unix.MS_SLAVE, unix.MS_SHARED | unix.MS_REC}}},
		{[]string{"rbind", "ridmap"}, MountOptions{Bind: true, RecursiveBind: true, IDMap: true, RecursiveIDMap: true}},
		{[]string{"mode=755", "iversion"}, MountOptions{Data: []string{"mode=755"}, Notices: []string{"iversion"}}},
	}
	for _, tt := range tests {
		got := CompileOptions(tt.list)
		if len(got.Superblock) == 0 {
			got.Superblock = nil
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(MountOptions{})); diff != "" {
			t.Errorf("CompileOptions(%q) differs (-want +got):\n%s", tt.list, diff)
		}
	}
}

func TestSplitData(t *testing.T) {
	tests := []struct {
		option string
		want   []string
	}{
		{"", nil},
		{",", nil},
		{"size=1", []string{"size=1"}},
		{"size=1,,mode=7", []string{"size=1", "mode=7"}},
		{`context="a:s0:c1,c2",size=1`, []string{"context=a:s0:c1,c2", "size=1"}},
		{`lowerdir=/a\,b:/c`, []string{`lowerdir=/a\,b:/c`}},
		{`x="`, []string{`x="`}},
		{`x="a,b`, []string{`x="a,b`}},
		{`x\`, []string{`x\`}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, splitData(tt.option)); diff != "" {
			t.Errorf("splitData(%q) differs (-want +got):\n%s", tt.option, diff)
		}
	}
}
