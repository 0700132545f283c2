package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
)

// notes observe the reader for Examine: they hold where each value of the document
// begins, and what the reader would otherwise stop at or skip.
type notes struct {
	problems []located
	// offsets are where values begin, by JSON pointer. Of equal keys the last one
	// counts.
	offsets map[string]int
	// rejected are the pointers of values that could not be read.
	rejected []string
	pointer  string // of the value that is being read
	key      int    // where the last key began
	objects  []openObject
}

// located is a problem with its offset in the document; a negative one stands for the
// offset of its place.
type located struct {
	Problem
	offset int
}

// openObject is an object that is being read into value; nil if it is skipped.
type openObject struct {
	value any
	keys  map[string]bool // the keys so far, false for a value of null
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
		n.add(Warning, m.KeyOffset, twiceText, "")
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
	value := n.innermost().value
	if slices.Contains(foreignProperties(value), key) {
		n.add(Warning, n.key, "is for another platform and is ignored", "")
		return
	}
	n.add(Warning, n.key, "unknown property: it is ignored", spelling.Hint(key, propertiesOf(value)))
}

// Folded notes a property whose letters have another case. From now on it has the
// pointer of the one that it is read as, as for Validate.
func (n *notes) Folded(key string) {
	n.add(Warning, n.key, "is read as "+strconv.Quote(key), foldedHint)
	keys, at := n.innermost().keys, n.offsets[n.pointer]
	_, twice := keys[key]
	n.pointer = n.pointer[:strings.LastIndexByte(n.pointer, '/')+1] + place.Escape(key)
	if twice {
		n.add(Warning, n.key, twiceText, "")
	}
	keys[key] = true
	n.offsets[n.pointer] = at
}

// foldedKeys returns the problems that Folded has noted.
func foldedKeys(problems []Problem) []Problem {
	return slices.DeleteFunc(problems, func(p Problem) bool { return p.Hint != foldedHint })
}

const foldedHint = "the case of letters counts in the specification, and other runtimes may ignore it"

// twiceText is the text about a key that is there twice.
const twiceText = "duplicate key: the last one counts"

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

// missing is the text of a warning that is left out if there is an error about the same
// property: Validate reports one for those that the runtime requires, too.
const missing = "is required by the specification, and missing"
