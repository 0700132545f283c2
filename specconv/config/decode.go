// Package config decodes and validates a config.json, and examines one for all of its
// problems. It compiles single entries, such as mounts and namespaces, as far as both
// validator and planner need it. It knows nothing of plans, and learns about the host
// only from a Host value.
package config

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
)

//go:generate go run ./internal/decodegen

// Decode reads a config.json as config.md describes it, without the objects that are for
// other platforms. Unknown properties are ignored, as the specification requires. An
// error names file, line, column and property, and carries its place.
func Decode(data []byte) (*specs.Spec, error) {
	spec := new(specs.Spec)
	r := jsontext.NewReader(string(data), nil)
	if err := r.Document(documentName, func(r *jsontext.Reader) { readSpec(r, spec) }); err != nil {
		return nil, placed(err)
	}
	return spec, nil
}

// placed adds the place to an error about a config.json.
func placed(err error) error {
	var e *jsontext.Error
	if !errors.As(err, &e) || e.Pointer == "" {
		return err
	}
	return fmt.Errorf("%s: %w", e.Position(), place.Wrap(place.At(e.Pointer), e.Err))
}

// DecodeProcess reads a process object alone, the file of `exec --process`. name is that
// of the file, for errors.
func DecodeProcess(name string, data []byte) (*specs.Process, error) {
	process := new(specs.Process)
	r := jsontext.NewReader(string(data), nil)
	if err := r.Document(name, func(r *jsontext.Reader) { readProcess(r, process) }); err != nil {
		return nil, err
	}
	return process, nil
}

// DecodeResources reads a linux.resources object alone, the file of `update --resources`,
// into v: properties that aren't in the document stay as they are.
func DecodeResources(name string, data []byte, v *specs.LinuxResources) error {
	r := jsontext.NewReader(string(data), nil)
	return r.Document(name, func(r *jsontext.Reader) { readLinuxResources(r, v) })
}
