// Package nsenter runs a plan in a new process. It contains the executable of that
// process (child/*.c), the code that starts it, and the protocol between parent and
// child. It decides nothing: package specconv creates the plan.
//
// The child is a small static program without a C library. It is executed from
// a sealed memfd, so that no process in a container can open the host's runnel
// binary (CVE-2019-5736), and no memory of the Go runtime is charged to the
// container.
package nsenter
