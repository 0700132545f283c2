package hook

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/nsenter"
)

// The names of the descriptors that the child reads the states from; the planner uses
// the same.
const (
	CreatingFile = "state-creating"
	CreatedFile  = "state-created"
)

// States are files with the container's state, which hooks in the container's
// namespaces read. The child inherits them while they are empty; they are filled when
// its pid is known.
type States struct {
	creating, created *nsenter.StateFile
}

// Open creates the files that the config's hooks need, and adds their descriptors to
// provided. The caller closes the States, also if there is an error.
func (h *States) Open(hooks *specs.Hooks, provided map[string]int) error {
	if hooks == nil {
		return nil
	}
	if len(hooks.CreateContainer) > 0 {
		f, err := nsenter.NewStateFile()
		if err != nil {
			return err
		}
		h.creating = &f
		provided[CreatingFile] = f.FD()
	}
	if len(hooks.StartContainer) > 0 {
		f, err := nsenter.NewStateFile()
		if err != nil {
			return err
		}
		h.created = &f
		provided[CreatedFile] = f.FD()
	}
	return nil
}

// Fill writes the states. In each file Status is set to the status at which its hooks
// run.
func (h *States) Fill(state specs.State) error {
	for _, f := range []struct {
		file   *nsenter.StateFile
		status specs.ContainerState
	}{{h.creating, specs.StateCreating}, {h.created, specs.StateCreated}} {
		if f.file == nil {
			continue
		}
		state.Status = f.status
		content, err := json.Marshal(state)
		if err != nil {
			return fmt.Errorf("state for hooks: %w", err)
		}
		if err := f.file.Fill(content); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the files.
func (h *States) Close() {
	for _, f := range []*nsenter.StateFile{h.creating, h.created} {
		if f != nil {
			f.Close()
		}
	}
	h.creating, h.created = nil, nil
}
