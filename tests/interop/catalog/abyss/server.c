// A legacy catalogue with xmlrpc-c's Abyss server. FOLDER holds what it serves, see servers.py.

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/server.h>
#include <xmlrpc-c/server_abyss.h>

enum { ID, FILE_NAME, NAME, TYPE, DESCRIPTION, TAGS, COLUMNS };

struct entry {
    char *column[COLUMNS];
    char path[4096];
    struct stat status;
};

// Reads the next line of the index; 0 at its end. The columns point into `line`.
static int next_entry(FILE *index, char *line, size_t size, struct entry *entry) {
    if (!fgets(line, size, index)) return 0;
    line[strcspn(line, "\n")] = 0;
    char *rest = line;
    for (int i = 0; i < COLUMNS; i++) entry->column[i] = strsep(&rest, "\t");
    snprintf(entry->path, sizeof entry->path, "%s/%s", getenv("FOLDER"), entry->column[FILE_NAME]);
    return entry->column[TAGS] && stat(entry->path, &entry->status) == 0;
}

static FILE *open_index(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/index.tsv", getenv("FOLDER"));
    return fopen(path, "r");
}

static int matches(const struct entry *entry, const char *query) {
    char text[8192], words[1024], *rest = words, *word;
    snprintf(text, sizeof text, "%s %s %s", entry->column[NAME], entry->column[DESCRIPTION], entry->column[TAGS]);
    snprintf(words, sizeof words, "%s", query);
    while ((word = strsep(&rest, " ")))
        if (!strcasestr(text, word)) return 0;
    return 1;
}

static xmlrpc_value *tags_of(xmlrpc_env *env, char *tags) {
    xmlrpc_value *list = xmlrpc_array_new(env);
    for (char *tag; (tag = strsep(&tags, ","));) {
        if (!*tag) continue;
        xmlrpc_value *item = xmlrpc_string_new(env, tag);
        xmlrpc_array_append_item(env, list, item);
        xmlrpc_DECREF(item);
    }
    return list;
}

static xmlrpc_value *search(xmlrpc_env *env, xmlrpc_value *params, void *info, void *call) {
    const char *query;
    xmlrpc_int32 limit;
    xmlrpc_decompose_value(env, params, "(si)", &query, &limit);
    if (env->fault_occurred) return NULL;
    xmlrpc_value *found = xmlrpc_array_new(env);
    FILE *index = open_index();
    char line[8192];
    for (struct entry entry; index && limit > 0 && next_entry(index, line, sizeof line, &entry);) {
        if (!matches(&entry, query)) continue;
        xmlrpc_value *item = xmlrpc_build_value(
            env, "{s:s,s:s,s:i,s:s,s:s,s:A,s:t}", "entryId", entry.column[ID], "name", entry.column[NAME],
            "size", (xmlrpc_int32)entry.status.st_size, "mediaType", entry.column[TYPE],
            "description", entry.column[DESCRIPTION], "tags", tags_of(env, entry.column[TAGS]),
            "modified", entry.status.st_mtime);
        xmlrpc_array_append_item(env, found, item);
        xmlrpc_DECREF(item);
        limit--;
    }
    if (index) fclose(index);
    free((void *)query);
    return xmlrpc_build_value(env, "{s:V}", "entries", found);
}

static xmlrpc_value *read_bytes(xmlrpc_env *env, const struct entry *entry, long offset, size_t length) {
    unsigned char *data = malloc(length ? length : 1);
    FILE *file = fopen(entry->path, "rb");
    size_t got = 0;
    if (file && fseek(file, offset, SEEK_SET) == 0) got = fread(data, 1, length, file);
    if (file) fclose(file);
    xmlrpc_value *chunk = xmlrpc_build_value(
        env, "{s:6,s:i,s:i,s:b}", "data", data, got, "offset", (xmlrpc_int32)offset,
        "size", (xmlrpc_int32)entry->status.st_size, "eof", (xmlrpc_bool)(offset + (long)got >= entry->status.st_size));
    free(data);
    return chunk;
}

static xmlrpc_value *read_entry(xmlrpc_env *env, xmlrpc_value *params, void *info, void *call) {
    const char *id;
    xmlrpc_int32 offset, length;
    xmlrpc_decompose_value(env, params, "(sii)", &id, &offset, &length);
    if (env->fault_occurred) return NULL;
    FILE *index = open_index();
    char line[8192];
    xmlrpc_value *chunk = NULL;
    for (struct entry entry; !chunk && index && next_entry(index, line, sizeof line, &entry);)
        if (strcmp(entry.column[ID], id) == 0) chunk = read_bytes(env, &entry, offset, length);
    if (index) fclose(index);
    if (!chunk) xmlrpc_env_set_fault_formatted(env, 404, "there is no entry %s", id);
    free((void *)id);
    return chunk;
}

int main(int count, char **arguments) {
    xmlrpc_env env;
    xmlrpc_env_init(&env);
    xmlrpc_registry *registry = xmlrpc_registry_new(&env);
    struct xmlrpc_method_info3 search_method = {.methodName = "catalog.search", .methodFunction = search};
    struct xmlrpc_method_info3 read_method = {.methodName = "catalog.read", .methodFunction = read_entry};
    xmlrpc_registry_add_method3(&env, registry, &search_method);
    xmlrpc_registry_add_method3(&env, registry, &read_method);
    // The library takes no document larger than 512 KiB otherwise.
    xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, 8 << 20);
    xmlrpc_server_abyss_parms parms = {
        .config_file_name = NULL, .registryP = registry, .port_number = atoi(arguments[count - 1]), .log_file_name = NULL,
        .keepalive_timeout = 0, .keepalive_max_conn = 0, .timeout = 0, .dont_advertise = 0,
        .socket_bound = 0, .uri_path = "/RPC2", .chunk_response = 1,
    };
    xmlrpc_server_abyss(&env, &parms, XMLRPC_APSIZE(chunk_response));
    fprintf(stderr, "the server has ended: %s\n", env.fault_string);
    return 1;
}
