package nsenter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// MessageKind is the type of a message of the conversation.
type MessageKind uint32

// The messages, in the order in which they may come:
//
//	child → parent       meaning                               the parent answers
//	Maps                 user/time namespace exists, or the    maps written, cgroup joined → Go
//	                     cgroup namespace is about to be made
//	Namespaces           all namespaces and mounts exist       cgroup joined, hooks run, state saved → Go
//	Created              the container waits for start         Go (run), nothing (create)
//	Starting             this start is the one that counts     nothing
//	Listener + fd        the seccomp notify descriptor, from   handed to the agent → Go
//	                     a messenger of the process
//	Output               what a hook that ended well printed,  nothing
//	                     at any time after Namespaces
//	Failed               op, errno, part, text; the last one   nothing
//	(end of file)        the program runs, or the child died
//
// After Created a container that waits for `start` goes on with whoever
// connects to its start socket and says Go.
const (
	Maps MessageKind = iota + 1
	Namespaces
	Listener
	Created
	Failed
	goOn
	Starting
	Output
)

// Message is what the child says.
type Message struct {
	Kind MessageKind
	// Pid is the sender's, as the kernel tells it.
	Pid int
	// FD is the descriptor that came with Listener, else -1.
	FD int
	// Failure is set with Failed, Output with Output.
	Failure *Failure
	Output  *HookOutput
}

// HookOutput is the beginning and the end of what a hook has printed. Left is as in
// Failure.
type HookOutput struct {
	Left int
	Text string
}

// Failure is what the child says when a step fails.
type Failure struct {
	Left  int // steps from the one that failed to the end of the plan
	Errno unix.Errno
	Part  Part
	Text  string // the kernel's or a hook's own words
}

// Part is the part of a step that failed. The order is that of enum part in
// wire.h.
type Part uint32

// The parts.
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
)

const (
	messageSize = 16
	messageText = 2048
)

// ErrGone means that the other side has closed the conversation.
var ErrGone = errors.New("the child is gone")

// legal is the table of what may follow what.
func legal(last, next MessageKind) bool {
	switch next {
	case Maps:
		return last == 0
	case Namespaces:
		return last == 0 || last == Maps
	case Created:
		return last == 0 || last == Maps || last == Namespaces
	case Starting:
		return last == Created
	case Output:
		return last == Namespaces || last == Listener || last == Created || last == Starting
	case Listener:
		return last == Created || last == Starting
	case Failed:
		return last != Failed
	}
	return false
}

func decodeMessage(b []byte, last MessageKind) (Message, error) {
	if len(b) < messageSize {
		return Message{}, fmt.Errorf("message of the child: %d bytes", len(b))
	}
	m := Message{Kind: MessageKind(binary.NativeEndian.Uint32(b)), FD: -1}
	if !legal(last, m.Kind) {
		return Message{}, fmt.Errorf("message of the child: kind %d after %d", m.Kind, last)
	}
	if m.Kind == Output {
		m.Output = &HookOutput{Left: int(binary.NativeEndian.Uint32(b[4:])), Text: string(b[messageSize:])}
	}
	if m.Kind == Failed {
		m.Failure = &Failure{
			Left:  int(binary.NativeEndian.Uint32(b[4:])),
			Errno: unix.Errno(binary.NativeEndian.Uint32(b[8:])),
			Part:  Part(binary.NativeEndian.Uint32(b[12:])),
			Text:  strings.TrimSpace(strings.ToValidUTF8(string(b[messageSize:]), "?")),
		}
	}
	return m, nil
}
