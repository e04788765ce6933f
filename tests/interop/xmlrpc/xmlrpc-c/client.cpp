// Peergate with xmlrpc-c's C++ library. Requests and answers are lines, see stacks.py.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <xmlrpc-c/base.hpp>
#include <xmlrpc-c/client.hpp>
#include <xmlrpc-c/client_transport.hpp>

using namespace xmlrpc_c;
using Words = std::vector<std::string>;
using Struct = std::map<std::string, value>;

// doc: open
struct Gate {
    clientXmlTransport_curl transport{clientXmlTransport_curl::constrOpt()};
    client_xml client{&transport};
    carriageParm_curl0 carriage;

    explicit Gate(std::string const &address) : carriage(address) {
        xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, 100u << 20);    // of an answer; the library takes 512 KiB
    }

    value call(std::string const &method, paramList const &parameters) {
        rpcPtr rpc(method, parameters);
        rpc->call(&client, &carriage);
        if (!rpc->isSuccessful()) throw rpc->getFault();
        return rpc->getResult();
    }
};
// end doc

static std::string text(value const &v) { return value_string(v).cvalue(); }
static Struct fields(value const &v) { return value_struct(v).cvalue(); }
static std::vector<value> items(value const &v) { return value_array(v).cvalue(); }

// doc: number
// A long comes as an int, or as a double beyond 32 bits.
static long long number(value const &v) {
    if (v.type() == value::TYPE_DOUBLE) return static_cast<long long>(double(value_double(v)));
    return v.type() == value::TYPE_I8 ? static_cast<long long>(value_i8(v)) : int(value_int(v));
}
// end doc

static void row(Words const &values) {
    std::cout << "row";
    for (auto const &v : values) std::cout << '\t' << v;
    std::cout << '\n';
}

static Words with_list(Words values, value const &list) {
    for (auto const &item : items(list)) values.push_back(text(item));
    return values;
}

static void save(std::string const &path, value const &data) {
    auto const bytes = value_bytestring(data).vectorUcharValue();
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<char const *>(bytes.data()), bytes.size());
}

static value list(Words::const_iterator from, Words::const_iterator to) {
    std::vector<value> found;
    for (; from != to; ++from) found.push_back(value_string(*from));
    return value_array(found);
}

static value inner(std::string const &method, std::vector<value> const &parameters) {
    return value_struct(Struct{{"methodName", value_string(method)}, {"params", value_array(parameters)}});
}

static void answer(Gate &gate, Words const &a) {
    auto const &verb = a[0];
    if (verb == "version") {
        unsigned int major, minor, point;
        xmlrpc_version(&major, &minor, &point);
        row({std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(point)});
    } else if (verb == "methods") {
        for (auto const &name : items(gate.call("system.listMethods", paramList()))) row({text(name)});
    } else if (verb == "help") {
        auto const method = paramList().add(value_string(a[1]));
        auto const signatures = items(gate.call("system.methodSignature", method));
        std::istringstream help(text(gate.call("system.methodHelp", method)));
        std::string line;
        for (std::string word; help >> word;) line += word + ' ';
        row({std::to_string(signatures.size()), line});
    } else if (verb == "search") {
        auto const query = a[1];
        auto const limit = std::stoi(a[2]);
        auto const min_size = std::stoll(a[3]);
        // doc: search
        auto const options = value_struct(Struct{{"limit", value_int(limit)}, {"minSize", value_i8(min_size)}});
        auto found = fields(gate.call("search.find", paramList().add(value_string(query)).add(options)));
        for (auto const &item : items(found["hits"])) {
            auto hit = fields(item);
            row(with_list({text(hit["contentId"]), std::to_string(number(hit["size"])), text(hit["name"])}, hit["tags"]));
        }
        // end doc
    } else if (verb == "read") {
        auto const content_id = a[1], path = a[4];
        auto const offset = std::stoll(a[2]);
        auto const length = std::stoi(a[3]);
        // doc: read
        auto const range = value_struct(Struct{{"offset", value_i8(offset)}, {"length", value_int(length)}});
        auto chunk = fields(gate.call("content.read", paramList().add(value_string(content_id)).add(range)));
        save(path, chunk["data"]);
        // end doc
        row({std::to_string(number(chunk["offset"])), std::to_string(number(chunk["size"])),
             bool(value_boolean(chunk["eof"])) ? "true" : "false"});
    } else if (verb == "download") {
        auto whole = fields(gate.call("content.download", paramList().add(value_string(a[1]))));
        save(a[2], whole["data"]);
        row({text(whole["name"]), std::to_string(number(whole["size"]))});
    } else if (verb == "publish") {
        auto const name = a[1], path = a[2];
        auto const tags = list(a.begin() + 3, a.end());
        // doc: publish
        std::ifstream file(path, std::ios::binary);
        std::vector<unsigned char> const bytes{std::istreambuf_iterator<char>(file), {}};
        auto const options = value_struct(Struct{{"tags", tags}});
        auto content = fields(gate.call("content.publish",
            paramList().add(value_string(name)).add(value_bytestring(bytes)).add(options)));
        // end doc
        auto const published = static_cast<long long>(static_cast<time_t>(value_datetime(content["published"])));
        row(with_list({text(content["contentId"]), std::to_string(number(content["size"])), text(content["name"]),
                       std::to_string(published * 1000)}, content["tags"]));
    } else if (verb == "status") {
        row({text(fields(gate.call("transfer.status", paramList().add(value_string(a[1]))))["state"])});
    } else if (verb == "multicall") {
        auto const calls = value_array(std::vector<value>{
            inner("search.find", {value_string(a[1]), value_struct(Struct{{"limit", value_int(100)}})}),
            inner("transfer.status", {value_string(a[2])})});
        auto const answers = items(gate.call("system.multicall", paramList().add(calls)));
        // An answer is in an array of one, a fault is a struct.
        row({"hits", std::to_string(items(fields(items(answers.at(0)).at(0))["hits"]).size())});
        row({"fault", std::to_string(number(fields(answers.at(1))["faultCode"]))});
    } else if (verb == "subscribe") {
        auto const topics = list(a.begin() + 1, a.end());
        row({text(fields(gate.call("event.subscribe", paramList().add(topics)))["subscriptionId"])});
    } else if (verb == "pull") {
        auto const wait = value_struct(Struct{{"waitMs", value_int(std::stoi(a[2]))}});
        auto page = fields(gate.call("event.pull", paramList().add(value_string(a[1])).add(wait)));
        for (auto const &item : items(page["events"])) {
            auto event = fields(item);
            row({text(event["topic"]), text(event["subject"])});
        }
    }
}

int main(int, char **arguments) {
    Gate gate(arguments[1]);
    if (std::getenv("CREDENTIAL")) {
        std::string const name = std::getenv("TOKEN_NAME"), token = std::getenv("TOKEN");
        // doc: http
        gate.carriage.setUser(name, token);
        gate.carriage.allowAuthBasic();
        // end doc
    }
    for (std::string line; std::getline(std::cin, line);) {
        Words words;
        std::istringstream parts(line);
        for (std::string word; std::getline(parts, word, '\t');) words.push_back(word);
        try {
            answer(gate, words);
            std::cout << "done" << std::endl;
        // doc: fault
        } catch (fault const &raised) {
            std::cout << "fault\t" << raised.getCode() << '\t' << raised.getDescription() << std::endl;
        // end doc
        } catch (std::exception const &error) {
            std::cout << "error\t" << error.what() << std::endl;
        }
    }
}
