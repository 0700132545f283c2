/* subreaper PROGRAM [ARG…] executes a program that becomes the parent of its orphans, as
 * supervisors do. */
#include <err.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: subreaper PROGRAM [ARG...]");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		err(2, "become a subreaper");
	execvp(argv[1], argv + 1);
	err(2, "execute %s", argv[1]);
}
