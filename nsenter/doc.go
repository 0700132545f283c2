// Package nsenter runs a plan in a new process. It owns the executable of that
// process (child/*.c, built by make and embedded), how it is started, and the
// one protocol between the two. It decides nothing: package specconv does.
//
// The child is a small static program without a C library. It is executed from
// a sealed memfd, so that nothing in a container ever gets hold of the host's
// runnel binary (CVE-2019-5736), and nothing of Go is charged to the container.
package nsenter
