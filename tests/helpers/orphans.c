/* orphans COMMAND [ARGUMENT…] runs a command, waits for the processes that it leaves
 * behind, and prints how each of them has ended. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status, failed = 0;
	pid_t pid, command;

	if (argc < 2)
		errx(2, "usage: orphans COMMAND [ARGUMENT...]");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		err(2, "become a subreaper");
	command = fork();
	if (command < 0)
		err(2, "fork");
	if (command == 0) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	while ((pid = wait(&status)) > 0 || errno == EINTR) {
		if (pid == command)
			failed = status != 0;
		else if (pid > 0 && WIFSIGNALED(status))
			printf("signal %d\n", WTERMSIG(status));
		else if (pid > 0)
			printf("exit %d\n", WEXITSTATUS(status));
	}
	return failed;
}
