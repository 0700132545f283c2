package seccomp

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// call is struct seccomp_data, in which some arguments may be unknown.
type call struct {
	number  uint32
	arch    uint32
	args    [6]uint64
	isKnown [6]bool
}

// allKnown are the arguments of a call in which nothing is unknown.
var allKnown = [6]bool{true, true, true, true, true, true}

// result is what a filter returns for a call, and the instruction that returns it.
type result struct {
	action uint32
	at     int
}

// The layout of struct seccomp_data: two numbers, the instruction pointer, and the
// arguments.
const (
	dataWords  = 16
	argsOffset = 16
	argSize    = 8

	actionMask = 0xffff0000 // SECCOMP_RET_ACTION_FULL
)

// maxPaths bounds the ways through a program that results follows. libseccomp's programs
// have at most as many as they have comparisons of arguments.
const maxPaths = 1 << 16

var (
	errInstruction = errors.New("the filter has an instruction that isn't one of libseccomp's")
	errPaths       = errors.New("the filter compares too many arguments")
)

// results runs a filter as the kernel does, and returns what it can return: one result if
// it looks at no argument that is unknown, otherwise one for each return instruction that
// some values of these arguments lead to.
//
// What is known of unknown arguments from earlier comparisons is taken into account, but
// not what follows from a comparison with a mask and one without: then there may be a
// result too many, but never one too few.
func (c *call) results(program []byte) ([]result, error) {
	r := run{program: program}
	var start path
	data := binary.NativeEndian.AppendUint32(make([]byte, 0, 4*dataWords), c.number)
	data = binary.NativeEndian.AppendUint32(data, c.arch)
	data = binary.NativeEndian.AppendUint64(data, 0)
	for _, a := range c.args {
		data = binary.NativeEndian.AppendUint64(data, a)
	}
	for i := range start.words {
		v := binary.NativeEndian.Uint32(data[4*i:])
		start.words[i] = word{least: v, most: v}
		isPointer := i == 2 || i == 3
		if isPointer || 4*i >= argsOffset && !c.isKnown[(4*i-argsOffset)/argSize] {
			start.words[i] = word{most: math.MaxUint32}
		}
	}
	start.load(0)
	err := r.follow(start)
	return r.results, err
}

// run is one call of results.
type run struct {
	program []byte
	paths   int
	results []result
}

// path is a way through the program: the next instruction, the accumulator, which is a word
// of the data with a mask, and what is known of the data.
type path struct {
	next  int
	from  int
	mask  uint32
	words [dataWords]word
}

func (p *path) load(from int) { p.from, p.mask = from, math.MaxUint32 }

// follow follows a path until it returns, and the branches of it.
func (r *run) follow(p path) error {
	if r.paths++; r.paths > maxPaths {
		return errPaths
	}
	for p.next < len(r.program)/instructionSize {
		at := p.next
		in := r.program[at*instructionSize:]
		code, k := binary.NativeEndian.Uint16(in), binary.NativeEndian.Uint32(in[4:])
		p.next++
		switch code {
		case bpfLoad:
			if k%4 != 0 || k >= 4*dataWords {
				return errInstruction
			}
			p.load(int(k / 4))
		case bpfAnd:
			p.mask &= k
		case bpfJump:
			p.next += int(k)
		case bpfJumpEqual, bpfJumpGreater, bpfJumpAtLeast:
			isTrue, isFalse := p.words[p.from].split(code, p.mask, k)
			no := p
			p.next, no.next = p.next+int(in[2]), no.next+int(in[3])
			switch {
			case isTrue == nil && isFalse == nil:
				return nil // no value leads here
			case isTrue == nil:
				p = no
				p.words[p.from] = *isFalse
			case isFalse == nil:
				p.words[p.from] = *isTrue
			default:
				p.words[p.from], no.words[no.from] = *isTrue, *isFalse
				if err := r.follow(no); err != nil {
					return err
				}
			}
		case bpfReturn:
			if found := (result{k, at}); !slices.Contains(r.results, found) {
				r.results = append(r.results, found)
			}
			return nil
		default:
			return errInstruction
		}
	}
	return errInstruction
}

// word is what is known of 32 bits of the data: bounds, values that it doesn't have, and the
// results of comparisons with a mask.
type word struct {
	least, most uint32
	not         []uint32
	masked      []comparison
}

// comparison is word & mask == value, or != if isUnequal.
type comparison struct {
	mask, value uint32
	isUnequal   bool
}

// split returns what is known of the word where a comparison of word & mask with k is true
// and where it is false; nil where that can't be.
func (w word) split(code uint16, mask, k uint32) (isTrue, isFalse *word) {
	switch {
	case w.least == w.most:
		v := w.least & mask
		if code == bpfJumpEqual && v == k || code == bpfJumpGreater && v > k || code == bpfJumpAtLeast && v >= k {
			return &w, nil
		}
		return nil, &w
	case mask != math.MaxUint32 && code != bpfJumpEqual:
		return &w, &w // libseccomp has no such comparison
	case mask != math.MaxUint32:
		return w.with(comparison{mask, k, false}), w.with(comparison{mask, k, true})
	case code == bpfJumpEqual:
		return w.within(k, k), w.without(k)
	case code == bpfJumpGreater && k == math.MaxUint32:
		return nil, &w
	case code == bpfJumpGreater:
		return w.within(k+1, math.MaxUint32), w.within(0, k)
	case k == 0:
		return &w, nil
	}
	return w.within(k, math.MaxUint32), w.within(0, k-1)
}

// within returns the word in a range, including both ends; nil if it can't be there.
func (w word) within(least, most uint32) *word {
	w.least, w.most = max(w.least, least), min(w.most, most)
	return w.trimmed()
}

// without returns the word if it isn't k.
func (w word) without(k uint32) *word {
	w.not = append(slices.Clip(w.not), k)
	return w.trimmed()
}

// trimmed takes values that the word doesn't have off the bounds. It returns nil if nothing
// is left.
func (w word) trimmed() *word {
	for w.least < w.most && slices.Contains(w.not, w.least) {
		w.least++
	}
	for w.least < w.most && slices.Contains(w.not, w.most) {
		w.most--
	}
	if w.least > w.most || w.least == w.most && !w.has(w.least) {
		return nil
	}
	return &w
}

// has reports whether nothing speaks against a value within the bounds.
func (w word) has(v uint32) bool {
	return !slices.Contains(w.not, v) && !slices.ContainsFunc(w.masked, func(c comparison) bool {
		return (v&c.mask == c.value) == c.isUnequal
	})
}

// with adds the result of a comparison. It returns nil if that can't be.
func (w word) with(c comparison) *word {
	if c.isUnequal && c.mask&(c.mask-1) == 0 && c.value&^c.mask == 0 { // one bit, which has the other value
		c = comparison{c.mask, c.mask &^ c.value, c.mask == 0}
	}
	w.masked = append(slices.Clip(w.masked), c)
	if !w.isConsistent() {
		return nil
	}
	return &w
}

// isConsistent reports whether the comparisons with a mask can all be.
func (w *word) isConsistent() bool {
	var known, bits uint32 // the bits that are known, and their values
	for _, c := range w.masked {
		if c.isUnequal {
			continue
		}
		if c.value&^c.mask != 0 || (bits^c.value)&known&c.mask != 0 {
			return false
		}
		known, bits = known|c.mask, bits|c.value
	}
	return !slices.ContainsFunc(w.masked, func(c comparison) bool {
		return c.isUnequal && c.mask&^known == 0 && bits&c.mask == c.value
	})
}
