#include <stdio.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "hosting/commands.h"

static const char *root_path, *listen_at, *server_name, *certificate, *key;

static const struct opt options[] = {
	{ "root", 0, OPT_TEXT, &root_path, "DIR",
	    "folder that publish fills (default /srv/updates)" },
	{ "listen", 0, OPT_TEXT, &listen_at, "ADDRESS",
	    "address and port (default 80, with TLS 443)" },
	{ "server-name", 0, OPT_TEXT, &server_name, "NAME", "host name (default _)" },
	{ "tls-cert", 0, OPT_TEXT, &certificate, "FILE", "certificate chain in PEM" },
	{ "tls-key", 0, OPT_TEXT, &key, "FILE", "its private key in PEM" },
	OPT_END
};

/* Words that end up inside the configuration must not be able to end a line,
 * a string or a block of it. */
static int
check_word(const char *what, const char *word, struct err *e)
{
	if (word == NULL)
		return 0;
	if (word[0] == '\0' || strpbrk(word, "\"';{}\\$\r\n") != NULL)
		return err_set(e, ERR_USAGE, "--%s %s: has a character that nginx would "
		    "read as its own", what, word);
	return 0;
}

static void
print_listen(void)
{
	if (certificate != NULL) {
		(void)printf("    listen %s ssl http2;\n",
		    listen_at == NULL ? "443" : listen_at);
		(void)printf(
		    "    ssl_certificate \"%s\";\n    ssl_certificate_key \"%s\";\n",
		    certificate, key);
		(void)printf("    ssl_protocols TLSv1.2 TLSv1.3;\n"
		    "    ssl_session_cache shared:updates:1m;\n");
		return;
	}
	(void)printf("    listen %s;\n", listen_at == NULL ? "80" : listen_at);
	(void)
	    printf("    # TLS: delta-host config nginx --tls-cert FILE --tls-key FILE\n");
}

/* Any number of products side by side: /PRODUCT/metadata/..., or at the top. */
static const char locations[] =
    "    # Names beginning with a dot are lock and temporary files.\n"
    "    location ~ /\\. { return 404; }\n"
    "\n"
    "    # The one object that is ever replaced.\n"
    "    location ~ ^(/[A-Za-z0-9_-]+)*/metadata/timestamp\\.json$ {\n"
    "        limit_except GET { deny all; }\n"
    "        add_header Cache-Control \"public, max-age=60\";\n"
    "        error_page 404 = @absent;\n"
    "    }\n"
    "\n"
    "    # Immutable: named by version or by hash.\n"
    "    location ~ \"^(/[A-Za-z0-9_-]+)*/metadata/[0-9]+\\.[^/]+\\.json$\" {\n"
    "        limit_except GET { deny all; }\n"
    "        add_header Cache-Control \"public, max-age=31536000, immutable\";\n"
    "        error_page 404 = @absent;\n"
    "    }\n"
    "    location ~ \"^(/[A-Za-z0-9_-]+)*/targets/[0-9]+/[0-9a-f]{64}\\.[^/]+$\" {\n"
    "        limit_except GET { deny all; }\n"
    "        add_header Cache-Control \"public, max-age=31536000, immutable\";\n"
    "        error_page 404 = @absent;\n"
    "    }\n"
    "\n"
    "    # Devices ask for the next root and mostly get this: it must not stay\n"
    "    # in a cache for long.\n"
    "    location @absent {\n"
    "        internal;\n"
    "        add_header Cache-Control \"public, max-age=10\" always;\n"
    "        return 404;\n"
    "    }\n"
    "    location / { return 404; }\n";

static void
print_nginx(void)
{
	(void)printf("# Serves what `delta-host publish REPO DIR` puts there.\n"
	    "# Goes into the http block, e.g. /etc/nginx/conf.d/updates.conf.\n"
	    "server {\n");
	print_listen();
	(void)printf("    server_name %s;\n    root \"%s\";\n\n",
	    server_name == NULL ? "_" : server_name,
	    root_path == NULL ? "/srv/updates" : root_path);
	(void)printf("    autoindex off;\n"
	    "    server_tokens off;\n"
	    "    disable_symlinks on;\n"
	    "    etag on;\n"
	    "    gzip off;          # objects are compressed, lengths are signed\n"
	    "    sendfile on;\n"
	    "    max_ranges 16;\n"
	    "    types {\n"
	    "        application/json json;\n"
	    "        application/zstd zst;\n"
	    "        text/markdown    md;\n"
	    "    }\n"
	    "    default_type application/octet-stream;\n"
	    "\n%s}\n", locations);
}

static int
run(int words, char **argv, struct err *e)
{
	(void)words;
	if (strcmp(argv[1], "nginx") != 0)
		return err_set(e, ERR_USAGE, "%s: only nginx is known", argv[1]);
	if ((certificate == NULL) != (key == NULL))
		return err_set(e, ERR_USAGE, "--tls-cert and --tls-key go together");
	if (check_word("root", root_path, e) == -1 ||
	    check_word("listen", listen_at, e) == -1 ||
	    check_word("server-name", server_name, e) == -1 ||
	    check_word("tls-cert", certificate, e) == -1 ||
	    check_word("tls-key", key, e) == -1)
		return -1;
	print_nginx();
	return 0;
}

const struct opt_command command_config = {
	"config", "nginx", "print a web server's configuration that is right",
	"Immutable and short-lived headers, ranges, no directory listing, nothing but\n"
	"the names of a repository.  The tests run this very configuration.\n",
	options, 1, 1, run
};
