package libcontainer

import (
	"os"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/cgroups/systemd"
	"github.com/runnel/runnel/libcontainer/criu"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/seccomp/profile"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// Features returns what this build supports, in the form of features.md of the
// specification. It is made from the tables that the planner uses, and doesn't depend
// on the host.
func Features() *features.Features {
	known := words.Features()
	yes := true
	// Clients look for runc's key.
	annotations := map[string]string{"org.opencontainers.runc.checkpoint.enabled": "true"}
	if version := LibseccompVersion(); version != "" {
		annotations["io.github.seccomp.libseccomp.version"] = version
	}
	return &features.Features{
		OCIVersionMin: known.OCIVersionMin,
		OCIVersionMax: known.OCIVersionMax,
		Hooks:         known.Hooks,
		MountOptions:  known.MountOptions,
		Linux: &features.Linux{
			Namespaces:      known.Namespaces,
			Capabilities:    known.Capabilities,
			Cgroup:          &features.Cgroup{V1: &yes, V2: &yes, Systemd: &yes, SystemdUser: &yes, Rdma: &yes},
			Seccomp:         seccomp.Features(),
			Apparmor:        &features.Apparmor{Enabled: &known.AppArmor},
			Selinux:         &features.Selinux{Enabled: &known.SELinux},
			IntelRdt:        &features.IntelRdt{Enabled: &yes, Schemata: &yes, Monitoring: &yes},
			MemoryPolicy:    &features.MemoryPolicy{Modes: known.MemoryPolicyModes, Flags: known.MemoryPolicyFlags},
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: &known.IDMappedMounts}},
			NetDevices:      &features.NetDevices{Enabled: &yes},
		},
		Annotations:                        annotations,
		PotentiallyUnsafeConfigAnnotations: []string{systemd.AnnotationPrefix, words.KeepGroupsAnnotation, criu.ConfigAnnotation},
	}
}

// LibseccompVersion returns the version of the libseccomp that compiles profiles; "" in
// a build without it.
func LibseccompVersion() string { return seccomp.LibseccompVersion() }

// Example returns the config that `runnel spec` writes, for this host and this user.
// With rootless it has a user namespace and needs no privileges.
func Example(rootless bool) *specs.Spec {
	return config.Example(rootless, os.Geteuid(), os.Getegid(), cgroups.HostMode() == cgroups.V2)
}

// SeccompProfile returns a profile for linux.seccomp that suits most programs. Nil on an
// architecture without one.
func SeccompProfile() *specs.LinuxSeccomp { return profile.Default(runtime.GOARCH) }
