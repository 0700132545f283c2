package libcontainer

import (
	"maps"

	"github.com/runnel/runnel/libcontainer/trace"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// span begins a part of what a method does; see trace.Trace.Begin. Usage:
//
//	end := r.span("the cgroup")
//	err := …
//	end(err)
func (r *Runtime) span(name string, details ...string) func(error) {
	return r.Trace.Begin(name, details...)
}

// timed is span for what is one call.
func (r *Runtime) timed(name string, act func() error) error {
	if r.Trace == nil {
		return act()
	}
	end := r.span(name)
	err := act()
	end(err)
	return err
}

// timesFile is the name of the file of a plan in which the child writes times.
const timesFile = "times"

// traceSteps lets the child write when each step has ended, if somebody wants to know.
func (l *launch) traceSteps(o *nsenter.Options) (err error) {
	if l.runtime.Trace == nil {
		return nil
	}
	if l.times, err = nsenter.NewTimes(len(l.plan.Steps)); err != nil {
		return err
	}
	l.plan.Files = append(l.plan.Files, plan.File{Name: timesFile})
	l.plan.Trace = timesFile
	provided := map[string]int{timesFile: l.times.FD()}
	maps.Copy(provided, o.Provided) // the caller may close what is in its map
	o.Provided = provided
	return nil
}

// endSteps adds the steps that the child has carried out to the trace.
func (l *launch) endSteps() {
	if l.times == nil {
		return
	}
	times := l.times.Read()
	l.times.Close()
	l.times = nil
	for i := 1; i < len(times) && i <= len(l.plan.Steps); i++ {
		step := &l.plan.Steps[i-1]
		s := trace.Span{Track: trace.Child, Name: step.Summary(), From: times[i-1], To: times[i]}
		if !step.Origin.IsZero() {
			s.Details = []string{"place", step.Origin.String()}
		}
		if l.failed != nil && i == len(times)-1 {
			s.Failure = l.failed.Error()
		}
		l.runtime.Trace.Add(s)
	}
	// Neither the step that ends the child's program or waits for start nor those under a
	// filter say when they have ended.
	if n := len(times); n > 0 && n <= len(l.plan.Steps) && l.failed == nil && l.gone >= times[n-1] {
		name := l.plan.Steps[n-1].Op.Kind().String()
		if last := l.plan.Steps[len(l.plan.Steps)-1].Op.Kind().String(); last != name {
			name += " … " + last
		}
		l.runtime.Trace.Add(trace.Span{Track: trace.Child, Name: name, From: times[n-1], To: l.gone})
	}
}

// spanOf returns the name of what the parent does upon a message.
func spanOf(kind nsenter.MessageKind) string {
	switch kind {
	case nsenter.Maps:
		return "answer: id maps and cgroup"
	case nsenter.Namespaces:
		return "answer: namespaces exist"
	case nsenter.Tree:
		return "answer: mount tree"
	case nsenter.Listener:
		return "answer: seccomp listener"
	}
	return "answer"
}
