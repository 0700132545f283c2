package specconv

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// TestMountOptionsAreThoseOfTheSpec holds the table against config.md, "Linux
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
		want options
	}{
		{nil, options{}},
		{[]string{"defaults", "async", "loud", "silent", ""}, options{}},
		{[]string{"ro", "rw"}, options{attr: plan.Attr{Clear: unix.MOUNT_ATTR_RDONLY}, flagged: true}},
		{[]string{"rw", "ro"}, options{attr: plan.Attr{Set: unix.MOUNT_ATTR_RDONLY}, flagged: true, readonly: true}},
		{[]string{"noatime", "relatime"}, options{attr: plan.Attr{Clear: atime}, flagged: true}},
		{[]string{"strictatime", "noatime"}, options{attr: plan.Attr{Set: noatime, Clear: atime}, flagged: true}},
		{[]string{"rstrictatime", "rnodev"}, options{recursive: plan.Attr{Set: strictatime | unix.MOUNT_ATTR_NODEV, Clear: atime}}},
		{[]string{"sync", "mand", "async", "nomand", "dirsync"}, options{superblock: []string{"dirsync"}}},
		{[]string{"slave", "rshared"}, options{propagation: []uint64{unix.MS_SLAVE, unix.MS_SHARED | unix.MS_REC}}},
		{[]string{"rbind", "ridmap"}, options{bind: true, recursiveBind: true, idmap: true, recursiveIDMap: true}},
		{[]string{"mode=755", "iversion"}, options{data: []string{"mode=755"}, notices: []string{"iversion"}}},
	}
	for _, tt := range tests {
		got := compileOptions(tt.list)
		if len(got.superblock) == 0 {
			got.superblock = nil
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(options{})); diff != "" {
			t.Errorf("compileOptions(%q) differs (-want +got):\n%s", tt.list, diff)
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

func TestFeatures(t *testing.T) {
	k := Features()
	if !slices.IsSorted(k.Namespaces) || len(k.Namespaces) != 8 {
		t.Errorf("namespaces = %q", k.Namespaces)
	}
	if got := len(k.Capabilities); got != unix.CAP_LAST_CAP+1 {
		t.Errorf("%d capabilities, want %d", got, unix.CAP_LAST_CAP+1)
	}
	for i, name := range k.Capabilities {
		if bit, ok := capabilityOf(name); !ok || bit != 1<<i {
			t.Errorf("capabilityOf(%s) = %#x, want %#x", name, bit, uint64(1)<<i)
		}
	}
	want := []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
	if diff := cmp.Diff(want, k.Hooks); diff != "" {
		t.Errorf("hooks differ (-want +got):\n%s", diff)
	}
}
