// Peergate with gSOAP. Requests and answers are lines, see stacks.py.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "PeergateBinding.nsmap"
#include "soapPeergateBindingProxy.h"
#include "wsseapi.h"

using std::string;
using strings = std::vector<string>;

static const char *const operations[] = {
#include "operations.inc"
};

static const char *text(bool value) { return value ? "true" : "false"; }

static void save(const string &path, const xsd__base64Binary &data)
{
    std::ofstream(path, std::ios::binary).write((const char *)data.__ptr, data.__size);
}

class Client {
    const bool mtom = getenv("MTOM");
    PeergateBindingProxy gate;
    string endpoint;

    template <typename... Values> static void row(const Values &...values)
    {
        std::cout << "row";
        ((std::cout << '\t' << values), ...);
        std::cout << '\n';
    }

    // doc: fault
    /// What a call answers is an error code; the fault with its typed detail stays in the context.
    struct Fault : std::runtime_error {
        string kind;
        Fault(soap *soap, const ns1__FaultDetail &detail)
            : runtime_error(detail.message), kind(soap_ns1__FaultKind2s(soap, detail.kind)) {}
    };

    void check(int error)
    {
        if (error == SOAP_OK)
            return;
        SOAP_ENV__Fault *fault = gate.soap->fault;
        SOAP_ENV__Detail *detail = !fault ? nullptr : fault->SOAP_ENV__Detail ? fault->SOAP_ENV__Detail : fault->detail;
        if (detail && detail->ns1__Fault)
            throw Fault(gate.soap, *detail->ns1__Fault);
        std::ostringstream said;
        gate.soap_stream_fault(said);
        throw std::runtime_error(said.str());
    }
    // end doc

public:
    explicit Client(const string &wsdl) : gate(SOAP_C_UTFSTRING), endpoint(wsdl.substr(0, wsdl.find('?')))
    {
        // doc: open
        // PeergateBindingProxy gate(SOAP_C_UTFSTRING): without that flag std::string is Latin-1.
        gate.soap_endpoint = endpoint.c_str();
        gate.soap->recv_timeout = 120;
        // end doc
        if (endpoint.find("/soap12") != string::npos) {
            // doc: version
            // SOAP 1.2; or make the classes of /soap12?wsdl.
            namespaces[0].ns = "http://www.w3.org/2003/05/soap-envelope";
            namespaces[1].ns = "http://www.w3.org/2003/05/soap-encoding";
            soap_set_namespaces(gate.soap, namespaces);
            // end doc
        }
        if (mtom) {
            // doc: mtom
            // Before the first call: requests and answers are MTOM.
            soap_set_mode(gate.soap, SOAP_ENC_MTOM);
            // end doc
        }
    }

    void answer(const strings &request)
    {
        try {
            if (const char *credential = getenv("CREDENTIAL"))
                identify(getenv("TOKEN_NAME"), getenv("TOKEN"), credential);
            call(request.at(0), strings(request.begin() + 1, request.end()));
            std::cout << "done\n";
        } catch (const Fault &fault) {
            std::cout << "fault\t" << fault.kind << '\t' << fault.what() << '\n';
        } catch (const std::exception &error) {
            string said = error.what();
            for (char &c : said)
                c = c == '\n' || c == '\t' ? ' ' : c;
            std::cout << "error\t" << said << '\n';
        }
        std::cout.flush();
        gate.destroy();
    }

private:
    /// Before each call: a digest needs a fresh nonce, and gSOAP forgets a password once it is sent.
    void identify(const char *name, const char *token, const string &credential)
    {
        if (credential == "http") {
            // doc: http
            gate.soap->userid = name; // before each call
            gate.soap->passwd = token;
            // end doc
            return;
        }
        // doc: token
        soap_wsse_delete_Security(gate.soap); // before each call
        if (credential == "digest")
            soap_wsse_add_UsernameTokenDigest(gate.soap, nullptr, name, token);
        else
            soap_wsse_add_UsernameTokenText(gate.soap, nullptr, name, token);
        // end doc
    }

    void call(const string &verb, const strings &arguments)
    {
        if (verb == "version")
            row(std::to_string(GSOAP_VERSION / 100000) + "." + std::to_string(GSOAP_VERSION / 1000 % 100) + "." +
                std::to_string(GSOAP_VERSION % 1000));
        else if (verb == "operations")
            for (const char *name : operations)
                row(name);
        else if (verb == "search")
            search(arguments.at(0), std::stoi(arguments.at(1)), std::stoll(arguments.at(2)));
        else if (verb == "read")
            read(arguments.at(0), std::stoll(arguments.at(1)), std::stoi(arguments.at(2)), arguments.at(3));
        else if (verb == "download")
            download(arguments.at(0), arguments.at(1));
        else if (verb == "publish")
            publish(arguments.at(0), arguments.at(1), strings(arguments.begin() + 2, arguments.end()));
        else if (verb == "status")
            status(arguments.at(0));
        else
            throw std::invalid_argument("no such verb: " + verb);
    }

    void search(const string &query, int limit, LONG64 min_size)
    {
        // doc: search
        _ns1__SearchFind request;
        request.query = query;
        request.limit = &limit; // what is optional is a pointer
        request.minSize = &min_size;
        _ns1__SearchFindResponse found;
        check(gate.SearchFind(&request, found));
        for (const ns1__Hit *hit : found.result->hits) {
            std::cout << "row\t" << hit->contentId << '\t' << hit->size << '\t' << hit->name;
            for (const string &tag : hit->tags)
                std::cout << '\t' << tag;
            std::cout << '\n';
        }
        // end doc
    }

    void read(const string &content_id, LONG64 offset, int length, const string &path)
    {
        // doc: read
        _ns1__ContentRead request;
        request.contentId = content_id;
        request.offset = &offset;
        request.length = &length;
        _ns1__ContentReadResponse response;
        check(gate.ContentRead(&request, response));
        save(path, response.result->data);
        // end doc
        row(response.result->offset, response.result->size, text(response.result->eof));
    }

    void download(const string &content_id, const string &path)
    {
        // doc: download
        _ns1__ContentDownload request;
        request.contentId = content_id;
        _ns1__ContentDownloadResponse whole;
        check(gate.ContentDownload(&request, whole));
        save(path, whole.result->data);
        // end doc
        row(whole.result->name, whole.result->size);
    }

    void publish(const string &name, const string &path, const strings &tags)
    {
        std::ifstream file(path, std::ios::binary);
        string bytes{std::istreambuf_iterator<char>(file), {}};
        // doc: publish
        _ns1__ContentPublish request;
        request.name = name;
        request.data.__ptr = (unsigned char *)bytes.data();
        request.data.__size = bytes.size();
        request.tags = tags;
        // end doc
        if (mtom) {
            // doc: mtom
            // In a request: what has a type goes as a part of its own.
            request.data.type = (char *)"application/octet-stream";
            // end doc
        }
        // doc: publish
        _ns1__ContentPublishResponse response;
        check(gate.ContentPublish(&request, response));
        // end doc
        const ns1__Content *content = response.result;
        std::cout << "row\t" << content->contentId << '\t' << content->size << '\t' << content->name << '\t'
                  << content->published * 1000LL;
        for (const string &tag : content->tags)
            std::cout << '\t' << tag;
        std::cout << '\n';
    }

    void status(const string &transfer_id)
    {
        _ns1__TransferStatus request;
        request.transferId = transfer_id;
        _ns1__TransferStatusResponse response;
        check(gate.TransferStatus(&request, response));
        row(soap_ns1__TransferState2s(gate.soap, response.result->state));
    }
};

int main(int, char **arguments)
{
    Client client(arguments[1]);
    for (string line; std::getline(std::cin, line);) {
        strings request(1);
        for (char c : line) {
            if (c == '\t')
                request.emplace_back();
            else
                request.back() += c;
        }
        client.answer(request);
    }
}
