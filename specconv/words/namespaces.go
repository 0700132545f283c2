package words

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// NamespaceType is a type of namespace, namespaces(7).
type NamespaceType struct {
	Name     specs.LinuxNamespaceType
	Flag     uint64 // CLONE_NEW*
	File     string // in /proc/PID/ns
	Optional bool   // a kernel may be built without it
}

// NamespaceTypes are all types of namespaces, sorted by name.
var NamespaceTypes = [...]NamespaceType{
	{specs.CgroupNamespace, unix.CLONE_NEWCGROUP, "cgroup", true},
	{specs.IPCNamespace, unix.CLONE_NEWIPC, "ipc", false},
	{specs.MountNamespace, unix.CLONE_NEWNS, "mnt", false},
	{specs.NetworkNamespace, unix.CLONE_NEWNET, "net", false},
	{specs.PIDNamespace, unix.CLONE_NEWPID, "pid", false},
	{specs.TimeNamespace, unix.CLONE_NEWTIME, "time", true},
	{specs.UserNamespace, unix.CLONE_NEWUSER, "user", true},
	{specs.UTSNamespace, unix.CLONE_NEWUTS, "uts", false},
}

// Namespace returns the namespace type of a name.
func Namespace(name specs.LinuxNamespaceType) (NamespaceType, bool) {
	for _, t := range NamespaceTypes {
		if t.Name == name {
			return t, true
		}
	}
	return NamespaceType{}, false
}

// NamespaceOf returns the namespace type of a name in config.json, or of one of the shorter
// names in /proc/PID/ns, which nsenter(1) and unshare(1) have.
func NamespaceOf(name string) (NamespaceType, bool) {
	for _, t := range NamespaceTypes {
		if string(t.Name) == name || t.File == name {
			return t, true
		}
	}
	return NamespaceType{}, false
}

// HasNamespace reports whether a config creates or joins a namespace of the type.
func HasNamespace(spec *specs.Spec, name specs.LinuxNamespaceType) bool {
	return findNamespace(spec, name) != nil
}

// CreatesNamespace reports whether a config creates a namespace of the type.
func CreatesNamespace(spec *specs.Spec, name specs.LinuxNamespaceType) bool {
	n := findNamespace(spec, name)
	return n != nil && n.Path == ""
}

func findNamespace(spec *specs.Spec, name specs.LinuxNamespaceType) *specs.LinuxNamespace {
	if spec.Linux == nil {
		return nil
	}
	for i := range spec.Linux.Namespaces {
		if n := &spec.Linux.Namespaces[i]; n.Type == name {
			return n
		}
	}
	return nil
}
