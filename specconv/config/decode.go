// Package config decodes and validates a config.json, and examines one for all of its
// problems. It compiles single entries, such as mounts and namespaces, as far as both
// validator and planner need it. It knows nothing of plans, and learns about the host
// only from the Host that it is given.
package config

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
)

//go:generate go run ./internal/gen

// Decode reads a config.json, config.md, of which it takes what concerns Linux.
// Properties that it doesn't know are ignored, as the specification demands. An
// error names line, column and property, and is at that place.
func Decode(data []byte) (*specs.Spec, error) {
	spec := new(specs.Spec)
	r := jsontext.NewReader(string(data), nil)
	if err := r.Document(documentName, func(r *jsontext.Reader) { readSpec(r, spec) }); err != nil {
		return nil, placed(err)
	}
	return spec, nil
}

// placed makes an error of a config.json one with a place.
func placed(err error) error {
	var e *jsontext.Error
	if !errors.As(err, &e) || e.Pointer == "" {
		return err
	}
	return fmt.Errorf("%s: %w", e.Position(), place.Wrap(place.At(e.Pointer), e.Err))
}

// DecodeProcess reads the process property alone, as `exec --process` gets it.
// name is that of the file, for errors.
func DecodeProcess(name string, data []byte) (*specs.Process, error) {
	process := new(specs.Process)
	r := jsontext.NewReader(string(data), nil)
	if err := r.Document(name, func(r *jsontext.Reader) { readProcess(r, process) }); err != nil {
		return nil, err
	}
	return process, nil
}

// DecodeResources reads linux.resources alone, as `update --resources` gets it,
// into v: what isn't in the document stays as it is.
func DecodeResources(name string, data []byte, v *specs.LinuxResources) error {
	r := jsontext.NewReader(string(data), nil)
	return r.Document(name, func(r *jsontext.Reader) { readLinuxResources(r, v) })
}
