/* pidwait PID MILLISECONDS waits until the process has ended; it exits with 1 at the
 * timeout. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct pollfd p = {.events = POLLIN};

	if (argc != 3)
		errx(2, "usage: pidwait PID MILLISECONDS");
	p.fd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	if (p.fd < 0 && errno == ESRCH)
		return 0;
	if (p.fd < 0)
		err(2, "pidfd of %s", argv[1]);
	if (poll(&p, 1, atoi(argv[2])) == 1)
		return 0;
	errx(1, "process %s still there after %s ms", argv[1], argv[2]);
}
