/* A terminal that follows a script.
 *
 *   console run COMMAND…             runs COMMAND in a new terminal
 *   console receive SOCKET OUTPUT    receives a terminal at an OCI console socket;
 *                                    continues in the background and prints its pid
 *
 * The script is read from standard input, one step a line:
 *   await TEXT    wait until the terminal has shown TEXT since the last await
 *   type TEXT     type TEXT and a newline
 *   key N         type the byte with the decimal number N
 *   size R C      set the window to R rows and C columns
 *   hangup        close the terminal
 * After the script the terminal's output is copied until it closes. The exit status of
 * `run` is the command's (128 + signal); it is 99 if an await has waited for 10 s. */
#define _GNU_SOURCE
#include "receive.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

static char shown[1 << 20];
static size_t shown_len, awaited;
static int master = -1, out = 1;

/* more copies output of the terminal; it returns 0 when the terminal is closed, and -1
 * at the timeout. */
static int more(int timeout_ms)
{
	struct pollfd p = {.fd = master, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, timeout_ms) <= 0)
		return -1;
	if (shown_len + 4096 >= sizeof(shown))
		errx(98, "the terminal shows too much");
	n = read(master, shown + shown_len, 4096);
	if (n <= 0)
		return 0;
	if (write(out, shown + shown_len, n) != n)
		err(98, "write");
	shown_len += n;
	shown[shown_len] = 0;
	return 1;
}

static void await(const char *text)
{
	time_t end = time(NULL) + 10;
	char *found;

	while (!(found = strstr(shown + awaited, text))) {
		if (time(NULL) > end || more(1000) == 0)
			errx(99, "the terminal didn't show \"%s\"", text);
	}
	awaited = found - shown + strlen(text);
}

static void put(const char *text, size_t len)
{
	if (write(master, text, len) != (ssize_t)len)
		err(98, "type");
}

static void follow_script(void)
{
	char line[1024], *text;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		text = strchr(line, ' ');
		text = text ? text + 1 : line + strlen(line);
		if (!strncmp(line, "await ", 6)) {
			await(text);
		} else if (!strncmp(line, "type ", 5)) {
			size_t len = strlen(text);
			text[len] = '\n';
			put(text, len + 1);
		} else if (!strncmp(line, "key ", 4)) {
			char key = (char)atoi(text);
			put(&key, 1);
		} else if (!strncmp(line, "size ", 5)) {
			struct winsize size = {0};
			if (sscanf(text, "%hu %hu", &size.ws_row, &size.ws_col) != 2 ||
			    ioctl(master, TIOCSWINSZ, &size) < 0)
				err(98, "%s", line);
		} else if (!strcmp(line, "hangup")) {
			close(master);
			master = -1;
			return;
		} else if (*line) {
			errx(98, "no such step: %s", line);
		}
	}
}

static void copy_rest(void)
{
	while (master >= 0 && more(10000) != 0)
		;
}

static int run(char **command)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int status;
	pid_t pid;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
		err(98, "new terminal");
	pid = fork();
	if (pid < 0)
		err(98, "fork");
	if (pid == 0) {
		int slave = open(ptsname(master), O_RDWR | O_NOCTTY);

		setsid();
		if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
			err(98, "controlling terminal");
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		if (slave > 2)
			close(slave);
		execvp(command[0], command);
		err(98, "%s", command[0]);
	}
	follow_script();
	copy_rest();
	if (waitpid(pid, &status, 0) < 0)
		err(98, "wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int receive_console(const char *path, const char *output)
{
	char name[4096];
	int listener = listen_at(path);

	out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		err(1, "%s", output);
	detach();
	dup2(out, 1);
	dup2(out, 2);
	master = receive(listener, name, sizeof(name));
	follow_script();
	copy_rest();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "run"))
		return run(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "receive"))
		return receive_console(argv[2], argv[3]);
	errx(2, "usage: console run COMMAND… | console receive SOCKET OUTPUT");
}
