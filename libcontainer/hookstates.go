package libcontainer

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv"
)

// hookStates are the states that hooks on the container's side read. They are
// handed to the child empty and filled when its pid is known.
type hookStates struct {
	creating, created *nsenter.StateFile
}

// open makes those that the config's hooks need.
func (h *hookStates) open(hooks *specs.Hooks, given map[string]int) error {
	if hooks == nil {
		return nil
	}
	if len(hooks.CreateContainer) > 0 {
		f, err := nsenter.NewStateFile()
		if err != nil {
			return err
		}
		h.creating = &f
		given[specconv.CreatingStateFile] = f.FD()
	}
	if len(hooks.StartContainer) > 0 {
		f, err := nsenter.NewStateFile()
		if err != nil {
			return err
		}
		h.created = &f
		given[specconv.CreatedStateFile] = f.FD()
	}
	return nil
}

func (h *hookStates) fill(s *State) error {
	for _, f := range []struct {
		file   *nsenter.StateFile
		status specs.ContainerState
	}{{h.creating, specs.StateCreating}, {h.created, specs.StateCreated}} {
		if f.file == nil {
			continue
		}
		content, err := json.Marshal(s.ociState(f.status))
		if err != nil {
			return fmt.Errorf("state for hooks: %w", err)
		}
		if err := f.file.Fill(content); err != nil {
			return err
		}
	}
	return nil
}

func (h *hookStates) close() {
	for _, f := range []*nsenter.StateFile{h.creating, h.created} {
		if f != nil {
			f.Close()
		}
	}
	h.creating, h.created = nil, nil
}

// handOverListener gives the seccomp notify descriptor of the process pid, which
// came with m, to the agent that the profile names. Who sent it is a messenger of
// that process, and has ended when this returns, so that the process can't become
// a program with a child of which it doesn't know.
func (c *Container) handOverListener(status specs.ContainerState, profile *specs.LinuxSeccomp, pid int, m nsenter.Message) error {
	defer unix.Close(m.FD)
	if profile == nil || profile.ListenerPath == "" {
		return during("seccomp", CodeConfigInvalid, place.Errorf(place.At("/linux/seccomp/listenerPath"), "a profile with SCMP_ACT_NOTIFY needs one"))
	}
	err := seccomp.HandOver(profile.ListenerPath, &specs.ContainerProcessState{
		Version: specs.Version, Pid: pid, Metadata: profile.ListenerMetadata,
		State: c.state.ociState(status),
	}, m.FD)
	if err != nil {
		return &Fault{Err: err, Code: CodeProcessFailed, Step: "seccomp", Field: "/linux/seccomp/listenerPath"}
	}
	messenger, err := unix.PidfdOpen(m.Pid, 0)
	if err != nil { // it has ended
		return nil
	}
	pidfd.Wait(messenger, messengerPatience)
	unix.Close(messenger)
	return nil
}

// messengerPatience is for a process that has nothing left to do but to exit, in
// milliseconds.
const messengerPatience = 10000
