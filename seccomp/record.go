package seccomp

import (
	"cmp"
	"context"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/seccomp/compiler"
)

// Recorded is a system call that a process has made.
type Recorded struct {
	Arch   specs.Arch
	Number uint32
}

// Compare orders calls by architecture and number.
func (r Recorded) Compare(other Recorded) int {
	return cmp.Or(cmp.Compare(r.Arch, other.Arch), cmp.Compare(r.Number, other.Number))
}

// Recorded returns the system call of a notification.
func (n *Notification) Recorded() Recorded {
	token := n.AuditArch
	if token == tokenX8664 && n.Number&x32Bit != 0 {
		token = tokenX32
	}
	for _, a := range archs {
		if a.token == token {
			return Recorded{a.name, n.Number}
		}
	}
	return Recorded{"", n.Number}
}

// Allows reports whether the filter lets a system call be carried out. It may be called by
// several goroutines.
func (e *Explainer) Allows(n *Notification) bool {
	c := call{number: n.Number, arch: n.AuditArch, args: n.Args, isKnown: allKnown}
	results, err := c.results(e.filter)
	return err == nil && len(results) == 1 && results[0].allows()
}

// RecordingProfile returns a profile that notifies an agent of every system call, on all
// architectures that the kernel of this one may support. The caller sets ListenerPath.
func RecordingProfile() *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActNotify, Flags: agentFlags(nil)}
	switch nativeArch() {
	case specs.ArchX86_64:
		p.Architectures = []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}
	case specs.ArchAARCH64:
		p.Architectures = []specs.Arch{specs.ArchAARCH64, specs.ArchARM}
	}
	return p
}

// ProfileOf returns a profile that allows system calls, and refuses all others with EPERM. With
// a base, it is that profile with an entry for these calls. added are their names, sorted, and
// unnamed are calls that libseccomp has no name for.
func ProfileOf(ctx context.Context, calls []Recorded, base *Explainer) (profile *specs.LinuxSeccomp, added []string, unnamed []Recorded, err error) {
	names := recordedNames{tables: map[specs.Arch][]compiler.Syscall{}}
	archs := []specs.Arch{nativeArch()}
	for _, c := range calls {
		if !slices.Contains(archs, c.Arch) && c.Arch != "" {
			archs = append(archs, c.Arch)
		}
		if err := names.add(ctx, c); err != nil {
			return nil, nil, nil, err
		}
	}
	slices.Sort(names.added)
	added = slices.Compact(names.added)
	profile = &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	if base != nil {
		profile = without(base.profile, added)
	}
	for _, a := range archs {
		if !slices.Contains(profile.Architectures, a) {
			profile.Architectures = append(profile.Architectures, a)
		}
	}
	if len(added) > 0 {
		profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{Names: added, Action: specs.ActAllow})
	}
	return profile, added, names.unnamed, nil
}

// recordedNames are the names of calls that a profile has to allow.
type recordedNames struct {
	tables  map[specs.Arch][]compiler.Syscall
	added   []string
	unnamed []Recorded
}

// add adds a call.
func (r *recordedNames) add(ctx context.Context, c Recorded) error {
	a, ok := findArch(c.Arch)
	if !ok {
		r.unnamed = append(r.unnamed, c)
		return nil
	}
	table, ok := r.tables[c.Arch]
	if !ok {
		var err error
		if table, err = compiler.Syscalls(ctx, a.token); err != nil {
			return err
		}
		r.tables[c.Arch] = table
	}
	i := slices.IndexFunc(table, func(s compiler.Syscall) bool { return s.Number == c.Number })
	if i < 0 {
		r.unnamed = append(r.unnamed, c)
		return nil
	}
	r.added = append(r.added, table[i].Name)
	return nil
}

// without returns a copy of a profile whose entries don't have these names. libseccomp would
// keep the first of two entries that say different things about a call.
func without(p *specs.LinuxSeccomp, names []string) *specs.LinuxSeccomp {
	copied := *p
	copied.Architectures = slices.Clone(p.Architectures)
	copied.Syscalls = nil
	for _, s := range p.Syscalls {
		s.Names = slices.DeleteFunc(slices.Clone(s.Names), func(name string) bool { return slices.Contains(names, name) })
		if len(s.Names) > 0 {
			copied.Syscalls = append(copied.Syscalls, s)
		}
	}
	return &copied
}
