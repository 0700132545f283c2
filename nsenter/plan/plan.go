// Package plan describes, as plain data, everything that a new process does
// between its clone and the execve of the container's program: a flat list of
// steps without branches, loops or variables. The planner (package specconv)
// makes a Plan; package nsenter hands it, encoded, to the child, which walks it
// step by step. The package imports nothing of runnel and touches no system.
//
// The table of steps is in ops.go, their binary form in encode.go and, for the
// child, in nsenter/child/wire.h; a test holds the two together.
package plan

// Plan is what one new process does.
type Plan struct {
	// CloneFlags are the namespaces (CLONE_NEW*) that the clone itself makes.
	// Namespaces that can't be made there are made by Unshare and Fork steps.
	CloneFlags uint64
	// PreserveFDs is the number of descriptors, from 3 on, that the program
	// inherits from whoever called the runtime.
	PreserveFDs int
	// Files are the descriptors that the parent hands to the child; steps refer
	// to them by name.
	Files []File
	Steps []Step
}

// Step is one Op with the place in config.json that asked for it, such as
// "mounts[3] /data". Origin is empty where the runtime itself wants the step.
type Step struct {
	Origin string
	Op     Op
}

// Op is one intent. The set is closed: every implementation is in this package.
type Op interface {
	Kind() Kind
	visit(visitor)
}

// Source says how the parent gets a File.
type Source uint8

// The sources of a File.
const (
	// Provided: the caller of nsenter.Start provides it under its name.
	Provided Source = iota
	// Namespace: Path is opened read-only and is a namespace of type NSType.
	Namespace
	// Tree: a detached clone of the mount tree at Path (open_tree(2)).
	Tree
)

// File is a descriptor that the child gets.
type File struct {
	Name   string
	Source Source
	Path   string
	// Origin is the place in config.json for an error while opening it.
	Origin string
	// NSType is the CLONE_NEW* flag that a Namespace must be of.
	NSType uint64
	// Recursive: a Tree is cloned with all mounts below it.
	Recursive bool
	// NoFollow: the last component of a Tree's Path isn't to be a link.
	NoFollow bool
	// IDMap, if any, is applied to a Tree (mount_setattr(2), MOUNT_ATTR_IDMAP).
	IDMap *IDMap
}

// IDMap is the mapping of an idmapped mount.
type IDMap struct {
	UIDs, GIDs []IDRange
	// Recursive: the mapping is applied to the mounts below, too.
	Recursive bool
}

// IDRange is one line of a uid_map or gid_map file, user_namespaces(7).
type IDRange struct {
	Container, Host, Size uint32
}

// Add appends a step.
func (p *Plan) Add(origin string, op Op) {
	p.Steps = append(p.Steps, Step{Origin: origin, Op: op})
}

// Origin is the place in config.json that asked for step i, or "".
func (p *Plan) Origin(i int) string {
	if i < 0 || i >= len(p.Steps) {
		return ""
	}
	return p.Steps[i].Origin
}

// Has tells whether the plan holds a step of this kind.
func (p *Plan) Has(k Kind) bool {
	for i := range p.Steps {
		if p.Steps[i].Op.Kind() == k {
			return true
		}
	}
	return false
}
