package seccomp

import (
	"context"
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// ErrNoRefusals is the error of a profile whose refusals can't be watched.
var ErrNoRefusals = errors.New("refused system calls can't be logged")

// Refusals tells which system calls a profile refuses, while an agent answers in place of
// the kernel.
type Refusals struct{ explainer *Explainer }

// WatchRefusals returns a profile like the given one that notifies an agent of the calls that
// it refuses with an errno, and the Refusals by which the agent answers. Actions that kill,
// trap or trace stay with the kernel. The caller sets ListenerPath.
func WatchRefusals(ctx context.Context, profile *specs.LinuxSeccomp) (*specs.LinuxSeccomp, *Refusals, error) {
	switch {
	case profile == nil:
		return nil, nil, place.Errorf(place.At("/linux/seccomp"), "%w: there is no profile, and nothing is refused", ErrNoRefusals)
	case usesNotify(profile):
		return nil, nil, place.Errorf(property("listenerPath"), "%w: the profile has an agent, and the kernel permits one", ErrNoRefusals)
	}
	e, err := NewExplainer(ctx, profile)
	if err == nil {
		err = (&Filter{BPF: e.filter}).CheckProgram()
	}
	if err != nil {
		return nil, nil, err
	}
	for _, a := range e.lowered.request.Archs {
		if _, err := e.table(ctx, a.Token); err != nil {
			return nil, nil, err
		}
	}
	watched := *profile
	if profile.DefaultAction == specs.ActErrno {
		watched.DefaultAction, watched.DefaultErrnoRet = specs.ActNotify, nil
	}
	watched.Syscalls = make([]specs.LinuxSyscall, len(profile.Syscalls))
	for i, s := range profile.Syscalls {
		if s.Action == specs.ActErrno {
			s.Action, s.ErrnoRet = specs.ActNotify, nil
		}
		watched.Syscalls[i] = s
	}
	watched.Flags = agentFlags(profile.Flags)
	return &watched, &Refusals{e}, nil
}

// agentFlags returns the flags of a profile with those that are good for one with an agent.
func agentFlags(flags []specs.LinuxSeccompFlag) []specs.LinuxSeccompFlag {
	if flags == nil {
		flags = []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagSpecAllow}
	}
	if kernelHas(flagWaitKillableRecv) { // a signal doesn't interrupt a call that is being answered
		flags = append(flags[:len(flags):len(flags)], specs.LinuxSeccompFlagWaitKillableRecv)
	}
	return flags
}

// Of returns the answer to a notification that the profile asks for, and the name of the call,
// or its number. It may be called by several goroutines.
func (r *Refusals) Of(n *Notification) (v Verdict, name string) {
	c := call{number: n.Number, arch: n.AuditArch, args: n.Args, isKnown: allKnown}
	a, _ := findArch(n.Recorded().Arch)
	name = r.explainer.nameOf(a.token, n.Number)
	results, err := c.results(r.explainer.filter)
	switch {
	case err != nil || len(results) != 1 || results[0].action&actionMask != actErrno && !results[0].allows():
		return Verdict{Errno: unix.ENOSYS}, name // it can't be; nothing is let through by mistake
	case results[0].allows():
		return Verdict{Continue: true}, name
	}
	return Verdict{Errno: unix.Errno(results[0].action &^ actionMask)}, name
}
