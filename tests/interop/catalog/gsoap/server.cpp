// A legacy catalogue with gSOAP, on what soapcpp2 makes of wsdl/catalog.wsdl. FOLDER holds what it serves, see servers.py.

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "PeergateCatalogBinding.nsmap"
#include "soapPeergateCatalogBindingService.h"

using Service = PeergateCatalogBindingService;

struct Entry {
    std::string id, path, name, type, description;
    std::vector<std::string> tags;
    struct stat status;

    bool matches(const std::string &query) const {
        std::string text = name + " " + description;
        for (const auto &tag : tags) text += " " + tag;
        std::istringstream words(query);
        for (std::string word; words >> word;)
            if (!strcasestr(text.c_str(), word.c_str())) return false;
        return true;
    }
};

static std::vector<std::string> split(const std::string &text, char by) {
    std::vector<std::string> parts;
    std::istringstream rest(text);
    for (std::string part; std::getline(rest, part, by);) parts.push_back(part);
    return parts;
}

static std::vector<Entry> entries() {
    const std::string folder = getenv("FOLDER");
    std::vector<Entry> found;
    std::ifstream index(folder + "/index.tsv");
    for (std::string line; std::getline(index, line);) {
        auto columns = split(line, '\t');
        columns.resize(6);
        Entry entry{columns[0], folder + "/" + columns[1], columns[2], columns[3], columns[4], split(columns[5], ',')};
        if (stat(entry.path.c_str(), &entry.status) == 0) found.push_back(entry);
    }
    return found;
}

int Service::CatalogSearch(_ns1__CatalogSearch *request, _ns1__CatalogSearchResponse &response) {
    response.result = soap_new_ns1__CatalogPage(soap);
    for (const auto &entry : entries()) {
        if (!entry.matches(request->query) || response.result->entries.size() >= (size_t)request->limit) continue;
        auto *one = soap_new_ns1__CatalogEntry(soap);
        one->entryId = entry.id;
        one->name = entry.name;
        one->size = entry.status.st_size;
        one->mediaType = soap_new_std__string(soap);
        *one->mediaType = entry.type;
        one->description = soap_new_std__string(soap);
        *one->description = entry.description;
        one->tags = entry.tags;
        one->modified = (time_t *)soap_malloc(soap, sizeof(time_t));
        *one->modified = entry.status.st_mtime;
        response.result->entries.push_back(one);
    }
    return SOAP_OK;
}

int Service::CatalogRead(_ns1__CatalogRead *request, _ns1__CatalogReadResponse &response) {
    for (const auto &entry : entries()) {
        if (entry.id != request->entryId) continue;
        auto *chunk = response.result = soap_new_ns1__Chunk(soap);
        auto *bytes = (unsigned char *)soap_malloc(soap, request->length + 1);
        std::ifstream file(entry.path, std::ios::binary);
        file.seekg(request->offset);
        if (file) file.read((char *)bytes, request->length);
        chunk->data.__ptr = bytes;
        chunk->data.__size = (int)file.gcount();
        chunk->offset = request->offset;
        chunk->size = entry.status.st_size;
        chunk->eof = request->offset + chunk->data.__size >= chunk->size;
        return SOAP_OK;
    }
    return soap_senderfault(("there is no entry " + request->entryId).c_str(), NULL);
}

int main(int, char **arguments) {
    Service service(SOAP_C_UTFSTRING);
    service.soap->bind_flags = SO_REUSEADDR;
    if (!soap_valid_socket(service.bind("127.0.0.1", atoi(arguments[1]), 16))) {
        service.soap_print_fault(stderr);
        return 1;
    }
    while (soap_valid_socket(service.accept())) {
        // What goes wrong with one request is none of the next one's business.
        service.serve();
        service.destroy();
    }
}
