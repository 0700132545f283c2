package libcontainer

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/seccomp"
)

// SeccompRecording notes the system calls of a container.
type SeccompRecording struct {
	supervisor supervisor

	base *SeccompFilter // nil if there is none

	mutex sync.Mutex
	calls map[seccomp.Recorded]bool
}

// RecordSeccomp runs a container as Run does, but with a seccomp filter that reports every
// system call of its processes, those of Container.Exec among them, to the recording, which
// lets all of them be carried out: the profile of the bundle is not in force. The recording
// ends when the Process is closed, after which system calls of processes that are left fail with
// ENOSYS. With a base, what that filter allows isn't recorded.
func (r *Runtime) RecordSeccomp(ctx context.Context, o RunOptions, base *SeccompFilter) (*Process, *SeccompRecording, error) {
	s := &SeccompRecording{calls: map[seccomp.Recorded]bool{}, base: base}
	s.supervisor.profile = func(*specs.LinuxSeccomp) (*specs.LinuxSeccomp, error) { return seccomp.RecordingProfile(), nil }
	s.supervisor.decide = func(n seccomp.Notification) seccomp.Verdict {
		s.note(&n)
		return seccomp.Verdict{Continue: true}
	}
	o.supervisor = &s.supervisor
	p, err := r.Run(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	return p, s, nil
}

// maxRecorded bounds what is kept: a process can call whatever number it likes.
const maxRecorded = 4096

// note notes a system call.
func (s *SeccompRecording) note(n *seccomp.Notification) {
	c := n.Recorded()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.calls[c] && len(s.calls) < maxRecorded && (s.base == nil || !s.base.explainer.Allows(n)) {
		s.calls[c] = true
	}
}

// Profile returns a profile that allows what was recorded so far, and refuses everything else
// with EPERM; with a base, that profile with what it lacks. added are the names that were
// recorded, sorted. The warnings are about system calls that libseccomp has no name for.
//
// The error is that of a call that wasn't seen, if there was one: a container doesn't run with
// a profile that lacks it.
func (s *SeccompRecording) Profile(ctx context.Context) (profile *specs.LinuxSeccomp, added, warnings []string, err error) {
	s.supervisor.mutex.Lock()
	missed := s.supervisor.missed
	s.supervisor.mutex.Unlock()
	if missed != nil {
		return nil, nil, nil, fault.Wrap("seccomp", fault.Internal, fmt.Errorf("not all system calls were seen: %w", missed))
	}
	s.mutex.Lock()
	calls := make([]seccomp.Recorded, 0, len(s.calls))
	for c := range s.calls {
		calls = append(calls, c)
	}
	s.mutex.Unlock()
	slices.SortFunc(calls, seccomp.Recorded.Compare)
	var explainer *seccomp.Explainer
	if s.base != nil {
		explainer = s.base.explainer
	}
	profile, added, unnamed, err := seccomp.ProfileOf(ctx, calls, explainer)
	for _, c := range unnamed {
		warnings = append(warnings, fmt.Sprintf("libseccomp has no name for system call %d of %s, which isn't in the profile", c.Number, c.Arch))
	}
	if len(calls) == maxRecorded {
		warnings = append(warnings, fmt.Sprintf("only the first %d different calls were recorded", maxRecorded))
	}
	return profile, added, warnings, fault.Wrap("seccomp", fault.Internal, err)
}
