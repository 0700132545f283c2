package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
)

// notes observe the reader for Examine: they hold where each value of the document
// begins, and what the reader would otherwise stop at or skip.
type notes struct {
	problems []located
	// offsets has where each value begins, by its JSON pointer. Of equal keys the
	// last one counts here too.
	offsets map[string]int
	// rejected are the pointers of values that could not be read.
	rejected []string
	pointer  string // of the value that is being read
	key      int    // where the last key began
	objects  []openObject
}

// located is a problem with where in the document it was seen; below 0 that is
// where its pointer leads.
type located struct {
	Problem
	offset int
}

// openObject is an object that is being read into value; nil if it is passed over.
type openObject struct {
	value any
	keys  map[string]bool // to whether there is something but null
}

func newNotes() *notes {
	return &notes{offsets: map[string]int{}}
}

func (n *notes) add(s Severity, offset int, text, hint string) {
	p := Problem{Place: place.At(n.pointer), Severity: s, Text: text, Hint: hint}
	n.problems = append(n.problems, located{p, offset})
}

// Reject notes that the value at hand isn't what it should be.
func (n *notes) Reject(offset int, reason string) {
	n.rejected = append(n.rejected, n.pointer)
	n.add(Error, offset, reason, "")
}

// BeginObject is part of jsontext.Observer.
func (n *notes) BeginObject(value any) {
	n.objects = append(n.objects, openObject{value, map[string]bool{}})
}

func (n *notes) innermost() *openObject { return &n.objects[len(n.objects)-1] }

// BeginMember notes where the value begins, and a key that is there twice.
func (n *notes) BeginMember(m jsontext.Member) {
	o := n.innermost()
	n.pointer += "/" + place.Escape(m.Key)
	if _, twice := o.keys[m.Key]; twice && o.value != nil {
		n.add(Warning, m.KeyOffset, "the key is there more than once: the last one counts", "")
	}
	o.keys[m.Key] = !m.IsNull
	n.key = m.KeyOffset
	n.offsets[n.pointer] = m.Offset
}

// BeginElement notes where the element begins.
func (n *notes) BeginElement(index, offset int) {
	n.pointer += "/" + strconv.Itoa(index)
	n.offsets[n.pointer] = offset
}

// End is part of jsontext.Observer.
func (n *notes) End() { n.pointer = n.pointer[:strings.LastIndexByte(n.pointer, '/')] }

// Unknown notes a property that isn't in the specification, or is for another platform.
func (n *notes) Unknown(key string) {
	known := propertiesOf(n.innermost().value)
	if slices.Contains(known, key) {
		n.add(Warning, n.key, "is for another platform and is ignored", "")
		return
	}
	hint := ""
	switch near := nearest(key, known); {
	case strings.EqualFold(near, key):
		hint = "did you mean " + strconv.Quote(near) + "? The case of letters counts"
	case near != "":
		hint = "did you mean " + strconv.Quote(near) + "?"
	}
	n.add(Warning, n.key, "unknown property: it is ignored", hint)
}

// EndObject notes what is missing. A property that is null is missing, too.
func (n *notes) EndObject() {
	o := n.innermost()
	for _, key := range requiredProperties(o.value) {
		if !o.keys[key] {
			n.pointer += "/" + key
			n.add(Warning, -1, missing, "")
			n.End()
		}
	}
	n.objects = n.objects[:len(n.objects)-1]
}

// missing is the text of a warning that gives way to an error about the same
// property: where nothing can be done without it, Validate says so.
const missing = "is required by the specification, and missing"

// propertiesOf lists the keys of an object of the specification, for all
// platforms; none if it isn't known what the object is.
func propertiesOf(value any) []string {
	t := reflect.TypeOf(value)
	if t == nil || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	return appendProperties(nil, t.Elem())
}

func appendProperties(list []string, t reflect.Type) []string {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			list = appendProperties(list, f.Type)
		case name != "" && name != "-":
			list = append(list, name)
		}
	}
	return list
}

// requiredProperties are those that the JSON schema of the specification wants in
// an object, whatever the config is.
func requiredProperties(value any) []string {
	switch value.(type) {
	case *specs.Spec:
		return []string{"ociVersion"}
	case *specs.Root, *specs.Hook:
		return []string{"path"}
	case *specs.Mount:
		return []string{"destination"}
	case *specs.Process:
		return []string{"cwd"}
	case *specs.Box:
		return []string{"height", "width"}
	case *specs.POSIXRlimit:
		return []string{"type", "soft", "hard"}
	case *specs.LinuxIOPriority:
		return []string{"class"}
	case *specs.Scheduler:
		return []string{"policy"}
	case *specs.LinuxIDMapping:
		return []string{"containerID", "hostID", "size"}
	case *specs.LinuxNamespace:
		return []string{"type"}
	case *specs.LinuxDevice:
		return []string{"type", "path"}
	}
	return requiredOfResources(value)
}

func requiredOfResources(value any) []string {
	switch value.(type) {
	case *specs.LinuxDeviceCgroup:
		return []string{"allow"}
	case *specs.LinuxPids:
		return []string{"limit"}
	case *specs.LinuxWeightDevice, *specs.LinuxThrottleDevice:
		return []string{"major", "minor"}
	case *specs.LinuxHugepageLimit:
		return []string{"pageSize", "limit"}
	case *specs.LinuxInterfacePriority:
		return []string{"name", "priority"}
	case *specs.LinuxSeccomp:
		return []string{"defaultAction"}
	case *specs.LinuxSyscall:
		return []string{"names", "action"}
	case *specs.LinuxSeccompArg:
		return []string{"index", "value", "op"}
	}
	return nil
}
