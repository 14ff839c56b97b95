#include <sys/ioctl.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"

#include "manifest/base/progress.h"

enum { DRAW_EVERY_MS = 100, WIDTH_MIN = 20, WIDTH_MAX = 160, BAR_MIN = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	char what[64];
	uint64_t total, done;
	int64_t start_ms, drawn_ms;
	bool on;		/* there is a terminal to draw on */
	bool shown;		/* a bar stands on the line at the moment */
	bool in_bytes;
} bar;

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
		return 80;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN :
	    size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

static void
amount_text(char out[static BYTES_TEXT_MAX], uint64_t n)
{
	if (bar.in_bytes)
		(void)bytes_text(out, n);
	else
		(void)snprintf(out, BYTES_TEXT_MAX, "%" PRIu64, n);
}

/* "12.3 MB of 45.0 MB  3.1 MB/s  0:12 left"; as much of it as is known. */
static void
numbers_text(char *out, size_t max, int64_t spent_ms)
{
	char done[BYTES_TEXT_MAX], total[BYTES_TEXT_MAX], speed[BYTES_TEXT_MAX];
	uint64_t rate = 0, left;
	int n;

	amount_text(done, bar.done);
	amount_text(total, bar.total);
	if (spent_ms > 500)
		rate = (uint64_t)((double)bar.done * 1000.0 / (double)spent_ms);
	n = bar.total == 0 ? snprintf(out, max, "%s", done) :
	    snprintf(out, max, "%s of %s", done, total);
	if (n < 0 || (size_t)n >= max || rate == 0 || !bar.in_bytes)
		return;
	(void)bytes_text(speed, rate);
	n += snprintf(out + n, max - (size_t)n, "  %s/s", speed);
	if ((size_t)n >= max || bar.total <= bar.done)
		return;
	left = (bar.total - bar.done) / rate;
	if (left < UINT64_C(100) * 3600)
		(void)snprintf(out + n, max - (size_t)n,
		    "  %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
}

/* "[=====>     ]  42 %  " in the room given, less when there is little. */
static void
gauge_text(char *out, size_t max, int room)
{
	uint64_t done = bar.done < bar.total ? bar.done : bar.total;
	double part = bar.total == 0 ? 0 : (double)done / (double)bar.total;
	int cells = room - 11, full;
	char line[WIDTH_MAX + 1];

	out[0] = '\0';
	if (bar.total == 0)
		return;
	if (cells < BAR_MIN) {
		(void)snprintf(out, max, "%3d %%  ", (int)(part * 100));
		return;
	}
	if (cells > 40)
		cells = 40;
	full = (int)(part * cells);
	memset(line, ' ', (size_t)cells);
	memset(line, '=', (size_t)full);
	if (full > 0 && full < cells)
		line[full - 1] = '>';
	line[cells] = '\0';
	(void)snprintf(out, max, "[%s] %3d %%  ", line, (int)(part * 100));
}

/* The rest is called with the lock held. */
static void
draw(void)
{
	char numbers[128], gauge[WIDTH_MAX + 16], line[sizeof numbers + WIDTH_MAX + 96];
	int64_t now = now_ms();
	int columns = width() - 1;

	if (!bar.on || (bar.drawn_ms != 0 && now - bar.drawn_ms < DRAW_EVERY_MS))
		return;
	bar.drawn_ms = now;
	numbers_text(numbers, sizeof numbers, now - bar.start_ms);
	gauge_text(gauge, sizeof gauge,
	    columns - (int)strlen(bar.what) - 2 - (int)strlen(numbers));
	(void)snprintf(line, sizeof line, "%s  %s%s", bar.what, gauge, numbers);
	(void)fprintf(stderr, "\r%.*s\033[K", columns, line);
	(void)fflush(stderr);
	bar.shown = true;
}

static void
hide(void)
{
	if (bar.shown)
		(void)fprintf(stderr, "\r\033[K");
	bar.shown = false;
}

void
progress_hide(void)
{
	(void)pthread_mutex_lock(&lock);
	hide();
	(void)pthread_mutex_unlock(&lock);
}

void
progress_start(const char *what, uint64_t total, bool in_bytes)
{
	(void)pthread_mutex_lock(&lock);
	hide();
	(void)text_printable(bar.what, sizeof bar.what, what, strlen(what), false);
	bar.total = total;
	bar.done = 0;
	bar.in_bytes = in_bytes;
	bar.start_ms = now_ms();
	bar.drawn_ms = 0;
	bar.on = log_level_now() != LOG_QUIET && isatty(STDERR_FILENO) == 1;
	draw();
	(void)pthread_mutex_unlock(&lock);
}

void
progress_at(uint64_t done)
{
	(void)pthread_mutex_lock(&lock);
	bar.done = done;
	draw();
	(void)pthread_mutex_unlock(&lock);
}

void
progress_add(uint64_t more)
{
	(void)pthread_mutex_lock(&lock);
	bar.done += more;
	draw();
	(void)pthread_mutex_unlock(&lock);
}

void
progress_end(void)
{
	(void)pthread_mutex_lock(&lock);
	hide();
	bar.on = false;
	(void)pthread_mutex_unlock(&lock);
}
