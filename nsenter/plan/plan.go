// Package plan describes, as plain data, everything that a new process does
// between its clone and the execve of the container's program: a flat list of
// steps without branches, loops or variables. The planner (package specconv)
// creates a Plan; package nsenter passes it, encoded, to the child, which carries
// it out step by step. The package makes no system calls.
//
// The table of ops is in ops.go. Generated from it are the code that encodes and
// prints them (ops_gen.go) and their description for the child
// (nsenter/child/wire.h); encode.go describes the binary form.
package plan

import "github.com/runnel/runnel/internal/place"

// Plan is what one new process does.
type Plan struct {
	// CloneFlags are the namespaces (CLONE_NEW*) that the clone itself creates.
	// Unshare and Fork steps create those that can't be created there.
	CloneFlags uint64
	// PreserveFDs is the number of descriptors, from 3 on, that the program
	// inherits from the caller of the runtime.
	PreserveFDs int
	// Files are the descriptors that the parent passes to the child; steps refer
	// to them by name.
	Files []File
	// Trace is the name of one of Files: memory in which the child writes when each step has
	// ended; "" for none. See nsenter.Times.
	Trace string
	// IDMaps are the maps of idmapped mounts; steps refer to them by name.
	IDMaps []IDMap
	Steps  []Step
}

// Step is one Op with the place in config.json that asked for it. Origin is the zero
// Place where the runtime itself needs the step.
type Step struct {
	Origin place.Place
	Op     Op
}

// Op is what one step does. The set is closed: ops.go has them all.
type Op interface {
	Kind() Kind
	visit(visitor)
}

// Source says where the parent gets a File from.
type Source uint8

// The sources of a File.
const (
	// Provided is a descriptor that the caller of nsenter.Start provides under
	// the File's name.
	Provided Source = iota
	// Namespace is the namespace of type NSType at Path, opened read-only.
	Namespace
)

// File is a descriptor that the parent passes to the child.
type File struct {
	Name   string
	Source Source
	Path   string
	// Origin is the place in config.json for an error while opening it.
	Origin place.Place
	// NSType is the CLONE_NEW* flag that a Namespace must be of.
	NSType uint64
}

// IDMap is the mapping of an idmapped mount (mount_setattr(2), MOUNT_ATTR_IDMAP).
type IDMap struct {
	Name string
	// UIDs and GIDs are empty for the mapping of the child's own user namespace.
	UIDs, GIDs []IDRange
	// Recursive applies the mapping to the mounts below, too.
	Recursive bool
}

// IDRange is one line of a uid_map or gid_map file, user_namespaces(7).
type IDRange struct {
	Container, Host, Size uint32
}

// Add appends a step.
func (p *Plan) Add(origin place.Place, op Op) {
	p.Steps = append(p.Steps, Step{Origin: origin, Op: op})
}

// Origin returns the place in config.json that asked for step i, the zero Place if
// there is none.
func (p *Plan) Origin(i int) place.Place {
	if i < 0 || i >= len(p.Steps) {
		return place.Place{}
	}
	return p.Steps[i].Origin
}

// Has reports whether the plan holds a step of this kind.
func (p *Plan) Has(k Kind) bool {
	for i := range p.Steps {
		if p.Steps[i].Op.Kind() == k {
			return true
		}
	}
	return false
}
