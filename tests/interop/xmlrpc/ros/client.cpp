// Peergate with xmlrpcpp, the XML-RPC of ROS. Requests and answers are lines, see stacks.py.
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <XmlRpcClient.h>
#include <XmlRpcException.h>
#include <XmlRpcUtil.h>
#include <XmlRpcValue.h>

using XmlRpc::XmlRpcValue;
using Words = std::vector<std::string>;

struct Fault {
    int code;
    std::string message;
};

// doc: open
struct Gate : XmlRpc::XmlRpcClient {
    std::string authorization;    // a line of the head, where the node wants a token

    using XmlRpcClient::XmlRpcClient;    // host, port, "/xmlrpc"

    std::string generateHeader(size_t length) const override {
        auto head = XmlRpcClient::generateHeader(length);
        return head.insert(head.find("\r\n") + 2, authorization);
    }

    // More than one parameter goes as an array of them; so does one that is an array itself.
    XmlRpcValue call(char const *method, XmlRpcValue const &parameters) {
        XmlRpcValue answer;
        if (!execute(method, parameters, answer)) throw std::runtime_error("no answer");
        if (isFault()) throw Fault{int(answer["faultCode"]), std::string(answer["faultString"])};
        return answer;
    }
};
// end doc

static std::string text(XmlRpcValue const &v) { return static_cast<std::string const &>(v); }

// doc: number
// A long comes as an int, or as a double beyond 32 bits, and goes so too.
static long long number(XmlRpcValue const &v) {
    if (v.getType() == XmlRpcValue::TypeDouble) return static_cast<long long>(static_cast<double const &>(v));
    return static_cast<int const &>(v);
}

static XmlRpcValue number(std::string const &text) {
    auto const value = std::stoll(text);
    return value < (1LL << 31) ? XmlRpcValue(int(value)) : XmlRpcValue(double(value));
}
// end doc

static void row(Words const &values) {
    std::cout << "row";
    for (auto const &v : values) std::cout << '\t' << v;
    std::cout << '\n';
}

static Words with_list(Words values, XmlRpcValue const &list) {
    for (int i = 0; i < list.size(); ++i) values.push_back(text(list[i]));
    return values;
}

static void save(std::string const &path, XmlRpcValue const &data) {
    auto const &bytes = static_cast<XmlRpcValue::BinaryData const &>(data);
    std::ofstream(path, std::ios::binary).write(bytes.data(), bytes.size());
}

static XmlRpcValue list(Words::const_iterator from, Words::const_iterator to) {
    XmlRpcValue found;
    found.setSize(int(to - from));
    for (int i = 0; from != to; ++from, ++i) found[i] = *from;
    return found;
}

static std::string base64(std::string const &plain) {
    static char const letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string encoded;
    for (size_t i = 0; i < plain.size(); i += 3) {
        unsigned three = 0;
        for (size_t j = 0; j < 3; ++j) three = three << 8 | (i + j < plain.size() ? (unsigned char)plain[i + j] : 0);
        for (size_t j = 0; j < 4; ++j) encoded += i + j > plain.size() ? '=' : letters[three >> (18 - 6 * j) & 63];
    }
    return encoded;
}

static void answer(Gate &gate, Words const &a) {
    auto const &verb = a[0];
    XmlRpcValue p;
    if (verb == "version") {
        std::string const version = XmlRpc::XMLRPC_VERSION;
        row({version.substr(version.find(' ') + 1)});
    } else if (verb == "methods") {
        for (auto const &name : with_list({}, gate.call("system.listMethods", p))) row({name});
    } else if (verb == "help") {
        p[0] = a[1];
        auto const signatures = gate.call("system.methodSignature", p);
        std::istringstream help(text(gate.call("system.methodHelp", p)));
        std::string line;
        for (std::string word; help >> word;) line += word + ' ';
        row({std::to_string(signatures.size()), line});
    } else if (verb == "search") {
        auto const query = a[1], limit = a[2], min_size = a[3];
        // doc: search
        p[0] = query;
        p[1]["limit"] = number(limit);
        p[1]["minSize"] = number(min_size);
        auto const hits = gate.call("search.find", p)["hits"];
        for (int i = 0; i < hits.size(); ++i) {
            auto const hit = hits[i];
            row(with_list({text(hit["contentId"]), std::to_string(number(hit["size"])), text(hit["name"])}, hit["tags"]));
        }
        // end doc
    } else if (verb == "read") {
        auto const content_id = a[1], offset = a[2], length = a[3], path = a[4];
        // doc: read
        p[0] = content_id;
        p[1]["offset"] = number(offset);
        p[1]["length"] = number(length);
        auto const chunk = gate.call("content.read", p);
        save(path, chunk["data"]);
        // end doc
        row({std::to_string(number(chunk["offset"])), std::to_string(number(chunk["size"])), bool(chunk["eof"]) ? "true" : "false"});
    } else if (verb == "download") {
        p[0] = a[1];
        auto const whole = gate.call("content.download", p);
        save(a[2], whole["data"]);
        row({text(whole["name"]), std::to_string(number(whole["size"]))});
    } else if (verb == "publish") {
        auto const name = a[1], path = a[2];
        auto const tags = list(a.begin() + 3, a.end());
        // doc: publish
        std::ifstream file(path, std::ios::binary);
        std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
        p[0] = name;
        p[1] = XmlRpcValue(bytes.data(), int(bytes.size()));
        p[2]["tags"] = tags;
        auto const content = gate.call("content.publish", p);
        // end doc
        // doc: time
        tm published = static_cast<tm const &>(content["published"]);
        published.tm_year -= 1900;    // xmlrpcpp leaves the year and the month as they are written
        published.tm_mon -= 1;
        // end doc
        row(with_list({text(content["contentId"]), std::to_string(number(content["size"])), text(content["name"]),
                       std::to_string(timegm(&published) * 1000LL)}, content["tags"]));
    } else if (verb == "status") {
        p[0] = a[1];
        row({text(gate.call("transfer.status", p)["state"])});
    } else if (verb == "multicall") {
        XmlRpcValue calls;
        calls[0]["methodName"] = "search.find";
        calls[0]["params"][0] = a[1];
        calls[0]["params"][1]["limit"] = 100;
        calls[1]["methodName"] = "transfer.status";
        calls[1]["params"][0] = a[2];
        p[0] = calls;
        auto const answers = gate.call("system.multicall", p);
        // An answer is in an array of one, a fault is a struct.
        row({"hits", std::to_string(answers[0][0]["hits"].size())});
        row({"fault", std::to_string(number(answers[1]["faultCode"]))});
    } else if (verb == "subscribe") {
        p[0] = list(a.begin() + 1, a.end());
        row({text(gate.call("event.subscribe", p)["subscriptionId"])});
    } else if (verb == "pull") {
        p[0] = a[1];
        p[1]["waitMs"] = number(a[2]);
        auto const events = gate.call("event.pull", p)["events"];
        for (int i = 0; i < events.size(); ++i) row({text(events[i]["topic"]), text(events[i]["subject"])});
    }
}

int main(int, char **arguments) {
    std::string const address = arguments[1];
    auto const colon = address.rfind(':'), path = address.find('/', colon);
    Gate gate(address.substr(7, colon - 7).c_str(), std::stoi(address.substr(colon + 1)), address.substr(path).c_str());
    XmlRpcValue::setDoubleFormat("%.0f");
    if (std::getenv("CREDENTIAL")) {
        std::string const name = std::getenv("TOKEN_NAME"), token = std::getenv("TOKEN");
        // doc: http
        gate.authorization = "Authorization: Basic " + base64(name + ':' + token) + "\r\n";
        // end doc
    }
    for (std::string line; std::getline(std::cin, line);) {
        Words words;
        std::istringstream parts(line);
        for (std::string word; std::getline(parts, word, '\t');) words.push_back(word);
        try {
            answer(gate, words);
            std::cout << "done" << std::endl;
        } catch (Fault const &fault) {
            std::cout << "fault\t" << fault.code << '\t' << fault.message << std::endl;
        } catch (XmlRpc::XmlRpcException const &error) {
            std::cout << "error\t" << error.getMessage() << std::endl;
        } catch (std::exception const &error) {
            std::cout << "error\t" << error.what() << std::endl;
        }
    }
}
