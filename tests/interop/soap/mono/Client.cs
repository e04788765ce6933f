// Peergate with the proxy classes that Mono's wsdl makes, as .NET Framework's wsdl.exe does. Requests and answers are
// lines, see stacks.py.

using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Web.Services.Protocols;
using System.Xml;
using Peergate;

class Client
{
    readonly Peergate.Peergate gate;
    readonly TextWriter output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));

    Client(string endpoint)
    {
        // doc: open
        var gate = new Peergate.Peergate { Url = endpoint, SoapVersion = SoapProtocolVersion.Soap11 };
        // end doc
        if (endpoint.EndsWith("/soap12"))
            gate.SoapVersion = SoapProtocolVersion.Soap12;
        if (Environment.GetEnvironmentVariable("CREDENTIAL") != null)
            Identify(gate, Environment.GetEnvironmentVariable("TOKEN_NAME"), Environment.GetEnvironmentVariable("TOKEN"));
        this.gate = gate;
    }

    static void Identify(Peergate.Peergate gate, string user, string password)
    {
        // doc: http
        gate.Credentials = new System.Net.NetworkCredential(user, password);
        gate.PreAuthenticate = true;
        // end doc
    }

    void Row(params object[] values)
    {
        output.Write("row\t" + string.Join("\t", values) + "\n");
    }

    static object[] With(string[] more, params object[] values)
    {
        return values.Concat(more ?? new string[0]).ToArray();
    }

    void Search(string query, int limit, long minSize)
    {
        // doc: search
        // Behind each optional number: whether it is there.
        var found = gate.SearchFind(query, null, null, null, minSize, true, 0, false, limit, true, 0, false);
        foreach (var hit in found.hits ?? new Hit[0])    // an empty list is null
            Row(With(hit.tags, hit.contentId, hit.size, hit.name));
        // end doc
    }

    void Read(string contentId, long offset, int length, string path)
    {
        // doc: read
        var chunk = gate.ContentRead(contentId, offset, true, length, true, 0, false);
        File.WriteAllBytes(path, chunk.data);
        // end doc
        Row(chunk.offset, chunk.size, chunk.eof ? "true" : "false");
    }

    void Download(string contentId, string path)
    {
        // doc: download
        var whole = gate.ContentDownload(contentId);
        File.WriteAllBytes(path, whole.data);
        // end doc
        Row(whole.name, whole.size);
    }

    void Publish(string name, string path, string[] tags)
    {
        // doc: publish
        var content = gate.ContentPublish(name, File.ReadAllBytes(path), null, null, tags, null);
        // end doc
        var published = (content.published.ToUniversalTime() - new DateTime(1970, 1, 1)).TotalMilliseconds;
        Row(With(content.tags, content.contentId, content.size, content.name, (long)published));
    }

    void Call(string verb, string[] arguments)
    {
        switch (verb)
        {
            case "version":
                var name = Type.GetType("Mono.Runtime").GetMethod("GetDisplayName", BindingFlags.NonPublic | BindingFlags.Static);
                Row(((string)name.Invoke(null, null)).Split(' ')[0]);
                break;
            case "operations":
                foreach (var method in typeof(Peergate.Peergate).GetMethods())
                    Row(method.Name);
                break;
            case "search":
                Search(arguments[0], int.Parse(arguments[1]), long.Parse(arguments[2]));
                break;
            case "read":
                Read(arguments[0], long.Parse(arguments[1]), int.Parse(arguments[2]), arguments[3]);
                break;
            case "download":
                Download(arguments[0], arguments[1]);
                break;
            case "publish":
                Publish(arguments[0], arguments[1], arguments.Skip(2).ToArray());
                break;
            case "status":
                Row(gate.TransferStatus(arguments[0]).state);
                break;
            default:
                throw new ArgumentException(verb);
        }
    }

    void Answer(string[] request)
    {
        try
        {
            Call(request[0], request.Skip(1).ToArray());
            output.Write("done\n");
        }
        // doc: fault
        catch (SoapException raised) when (raised.Detail != null && raised.Detail["Fault", "urn:peergate:v1"] != null)
        {
            // wsdl makes no class of a fault's detail.
            XmlElement fault = raised.Detail["Fault", "urn:peergate:v1"];
            string kind = fault["kind", "urn:peergate:v1"].InnerText, message = fault["message", "urn:peergate:v1"].InnerText;
            output.Write("fault\t" + kind + "\t" + message + "\n");
        }
        // end doc
        catch (Exception error)
        {
            output.Write("error\t" + error.GetType() + " " + error.Message.Replace('\n', ' ') + "\n");
        }
        output.Flush();
    }

    static void Main(string[] arguments)
    {
        var client = new Client(arguments[0].Split('?')[0]);
        var requests = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        for (string line; (line = requests.ReadLine()) != null;)
            client.Answer(line.Split('\t'));
    }
}
