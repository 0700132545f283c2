package nsenter

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// MessageKind is the type of a message of the conversation.
type MessageKind uint32

// The kinds of messages. The table in legal says in which order they may come:
//
//	child → parent       meaning                               the parent answers
//	Maps                 user/time namespace exists, or the    maps written, cgroup joined → Go
//	                     cgroup namespace is next
//	Tree (+ 2 fds)       a Root or Bind with ByParent          the mount tree → Go + fd
//	Namespaces           all namespaces and mounts exist       cgroup joined, hooks run, state saved → Go
//	Created              the container waits for start         Go (run), nothing (create)
//	Starting             this start is the one that is served  nothing
//	Listener + fd        the seccomp notify descriptor, from   sent to the agent → Go
//	                     a messenger of the process
//	Executing            all startContainer hooks have           nothing
//	                     succeeded
//	Output               what a successful hook printed, at    nothing
//	                     any time after Namespaces
//	Failed               step, errno, part, status, text; the  nothing
//	                     last message
//	(end of file)        the program runs, or the child died
//
// After Created a container that waits for `start` continues with whoever
// connects to its start socket and sends Go.
const (
	Maps MessageKind = iota + 1
	Namespaces
	Listener
	Created
	Failed
	proceed
	Starting
	Output
	Tree
	Executing
)

// The child sends the point of a Checkpoint as the kind of its message.
const (
	_ = uint(Maps-plan.CheckpointMaps) + uint(plan.CheckpointMaps-Maps)
	_ = uint(Namespaces-plan.CheckpointNamespaces) + uint(plan.CheckpointNamespaces-Namespaces)
)

// Message is what the child sends.
type Message struct {
	Kind MessageKind
	// Step is the step that sends it.
	Step Position
	// Pid is the sender's, as the kernel reports it.
	Pid int
	// FD is the descriptor that came with Listener, or with the first Tree, else -1: the
	// mount namespace of the child. Root is its root directory in that, else -1.
	FD, Root int
	// Failure is set with Failed, Output with Output.
	Failure *Failure
	Output  *HookOutput
}

// Close closes the descriptors that came with the message.
func (m *Message) Close() {
	for _, fd := range []int{m.FD, m.Root} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// Position identifies a step of the child's plan.
type Position struct {
	// Kind is that of the step's op.
	Kind plan.Kind
	// Index counts the steps from the start of the plan.
	Index int
	// Total is the number of steps of the plan.
	Total int
}

// HookOutput is the beginning and the end of what the hook at Step printed.
type HookOutput struct {
	Step Position
	Text string
}

// Failure describes a step that failed.
type Failure struct {
	Step  Position
	Part  Part
	Errno unix.Errno // 0 with PartStatus
	// Status is that of a hook, with PartStatus.
	Status unix.WaitStatus
	// Text is what the kernel or a hook says about it.
	Text string
}

// Part is the part of a step that failed.
type Part uint32

// The parts of steps.
const (
	PartNone Part = iota
	PartTarget
	PartSource
	PartOpenType
	PartParameter
	PartCreate
	PartAttach
	PartAttribute
	PartLocked
	PartPropagation
	PartCopy
	PartVerify
	PartMismatch
	PartOwner
	PartOpen
	PartWrite
	PartSend
	PartExec
	PartStatus
	PartTimeout
	PartSearch
	PartGroups
	PartGID
	PartUID
	PartBounding
	PartAmbient
	PartOutside
	PartPlan
	PartNotProc
	PartNoexec
	PartIDMap
)

// message is the fixed part of a message, which a text of at most messageText
// bytes may follow. wiregen generates its C counterpart, struct message, and the
// methods that encode and decode it.
type message struct {
	kind   MessageKind
	op     uint32 // the kind of the op that sends it
	step   uint32 // the index of its step
	steps  uint32 // the number of steps of the plan
	err    uint32 // the errno of a failure
	part   Part
	status uint32 // the wait status of a hook
}

const messageText = 2048

// ErrGone is the error for a conversation that the other side has closed.
var ErrGone = errors.New("the child is gone")

// legal reports whether a message of kind next may follow one of kind last, which
// is 0 at the start of a conversation.
func legal(last, next MessageKind) bool {
	switch next {
	case Maps:
		return last == 0
	case Tree:
		return last == 0 || last == Maps || last == Tree
	case Namespaces:
		return last == 0 || last == Maps || last == Tree
	case Created:
		return last == 0 || last == Maps || last == Namespaces
	case Starting:
		return last == Created
	case Output:
		return last == Namespaces || last == Listener || last == Created || last == Starting
	case Listener:
		return last == Created || last == Starting
	case Executing:
		return last == Created || last == Starting || last == Listener
	case Failed:
		return last != Failed
	}
	return false
}

func decodeMessage(b []byte, last MessageKind) (Message, error) {
	if len(b) < messageSize {
		return Message{}, fmt.Errorf("message of the child: %d bytes", len(b))
	}
	var fixed message
	fixed.get(b)
	text := b[messageSize:]
	if !legal(last, fixed.kind) {
		return Message{}, fmt.Errorf("message of the child: kind %d after %d", fixed.kind, last)
	}
	step := Position{Kind: plan.Kind(fixed.op), Index: int(fixed.step), Total: int(fixed.steps)}
	m := Message{Kind: fixed.kind, Step: step, FD: -1, Root: -1}
	switch m.Kind {
	case Output:
		m.Output = &HookOutput{Step: step, Text: string(text)}
	case Failed:
		m.Failure = &Failure{
			Step:   step,
			Part:   fixed.part,
			Errno:  unix.Errno(fixed.err),
			Status: unix.WaitStatus(fixed.status),
			Text:   strings.TrimSpace(strings.ToValidUTF8(string(text), "?")),
		}
	}
	return m, nil
}
