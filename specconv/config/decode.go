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
// error names file, line, column and property, and carries its place. The warnings are
// about keys that aren't spelled as in the specification, see jsontext.Reader.
func Decode(data []byte) (spec *specs.Spec, warnings []Problem, err error) {
	return DecodeFile(documentName, data)
}

// DecodeFile is Decode for a file that has another name than config.json, for errors.
func DecodeFile(name string, data []byte) (spec *specs.Spec, warnings []Problem, err error) {
	spec = new(specs.Spec)
	r := newReader(string(data), nil)
	if err := r.Document(name, func(r *jsontext.Reader) { readSpec(r, spec) }); err != nil {
		return nil, nil, placed(err)
	}
	if r.IsFolded {
		warnings = foldedKeys(Examine(data).Problems())
	}
	return spec, warnings, nil
}

func newReader(text string, observer jsontext.Observer) *jsontext.Reader {
	r := jsontext.NewReader(text, observer)
	r.Properties = propertiesOf
	return r
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
// of the file, for errors. The warnings are those of Decode.
func DecodeProcess(name string, data []byte) (process *specs.Process, warnings []Problem, err error) {
	process = new(specs.Process)
	r := newReader(string(data), nil)
	if err := r.Document(name, func(r *jsontext.Reader) { readProcess(r, process) }); err != nil {
		return nil, nil, err
	}
	if r.IsFolded {
		e := examine(data, name, func(r *jsontext.Reader) { readProcess(r, new(specs.Process)) })
		warnings = foldedKeys(e.Problems())
	}
	return process, warnings, nil
}

// DecodeMounts reads a list of mounts alone, the file of `mounts add`. name is that of the
// file, for errors.
func DecodeMounts(name string, data []byte) ([]specs.Mount, error) {
	var mounts []specs.Mount
	r := newReader(string(data), nil)
	if err := r.Document(name, func(r *jsontext.Reader) { jsontext.ReadList(r, &mounts, readMount) }); err != nil {
		return nil, err
	}
	return mounts, nil
}

// DecodeResources reads a linux.resources object alone, the file of `update --resources`,
// into v: properties that aren't in the document stay as they are. The warnings are about
// all that is unusual in it.
func DecodeResources(name string, data []byte, v *specs.LinuxResources) (warnings []Problem, err error) {
	r := newReader(string(data), nil)
	if err := r.Document(name, func(r *jsontext.Reader) { readLinuxResources(r, v) }); err != nil {
		return nil, err
	}
	e := examine(data, name, func(r *jsontext.Reader) { readLinuxResources(r, new(specs.LinuxResources)) })
	return e.Problems(), nil
}

// ExamineSeccomp reads a linux.seccomp object alone, a file with the given name, and notes
// where its values are: places in it are those of the file.
func ExamineSeccomp(name string, data []byte) (*specs.LinuxSeccomp, *Examination, error) {
	profile := new(specs.LinuxSeccomp)
	if err := newReader(string(data), nil).Document(name, func(r *jsontext.Reader) { readLinuxSeccomp(r, profile) }); err != nil {
		return nil, nil, err
	}
	e := examine(data, name, func(r *jsontext.Reader) { readLinuxSeccomp(r, new(specs.LinuxSeccomp)) })
	return profile, e, nil
}
