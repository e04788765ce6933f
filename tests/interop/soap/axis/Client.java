// Peergate with Axis 1.4. Requests and answers are lines, see stacks.py.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.rmi.RemoteException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Base64;
import java.util.Hashtable;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.soap.SOAPElement;
import org.apache.axis.client.Call;
import org.apache.axis.client.Stub;
import org.apache.axis.message.SOAPHeaderElement;
import org.apache.axis.transport.http.HTTPConstants;
import peergate.Chunk;
import peergate.Content;
import peergate.Download;
import peergate.FaultDetail;
import peergate.Hit;
import peergate.PeergateLocator;
import peergate.PeergatePortType;

public class Client {
    private static final PrintStream OUT = new PrintStream(System.out, true, UTF_8);
    private final PeergatePortType gate;

    Client(URL endpoint) throws Exception {
        // doc: open
        PeergatePortType gate = new PeergateLocator().getPeergatePort(endpoint);
        // end doc
        this.gate = gate;
        if (System.getenv("MTOM") != null) {
            ((Stub) gate)._setProperty(Call.ATTACHMENT_ENCAPSULATION_FORMAT, Call.ATTACHMENT_ENCAPSULATION_FORMAT_MTOM);
            Map<String, String> headers = new Hashtable<>(Map.of("Accept", "application/xop+xml, text/xml"));
            ((Stub) gate)._setProperty(HTTPConstants.REQUEST_HEADERS, headers);
        }
    }

    /** Shows what the environment says, if it does. */
    void showToken() throws Exception {
        String credential = System.getenv("CREDENTIAL");
        String name = System.getenv("TOKEN_NAME");
        String token = System.getenv("TOKEN");
        if ("http".equals(credential)) {
            // doc: http
            ((Stub) gate).setUsername(name);
            ((Stub) gate).setPassword(token);
            // end doc
        } else if (credential != null) {
            identify(gate, name, token, credential.equals("digest"));
        }
    }

    // doc: token
    /** For one call: the nonce must be a fresh one each time. */
    static void identify(PeergatePortType gate, String user, String password, boolean digest) throws Exception {
        String wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
        String wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
        String profile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#Password";
        byte[] nonce = SecureRandom.getSeed(16);
        String created = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
        MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
        sha1.update(nonce);
        byte[] hash = sha1.digest((created + password).getBytes(UTF_8));
        SOAPHeaderElement security = new SOAPHeaderElement(wsse, "Security");
        SOAPElement token = security.addChildElement("UsernameToken", "wsse", wsse);
        token.addChildElement("Username", "wsse").addTextNode(user);
        SOAPElement shown = token.addChildElement("Password", "wsse");
        shown.setAttribute("Type", profile + (digest ? "Digest" : "Text"));
        shown.addTextNode(digest ? Base64.getEncoder().encodeToString(hash) : password);
        token.addChildElement("Nonce", "wsse").addTextNode(Base64.getEncoder().encodeToString(nonce));
        token.addChildElement("Created", "wsu", wsu).addTextNode(created);
        ((Stub) gate).clearHeaders();
        ((Stub) gate).setHeader(security);
    }
    // end doc

    static void row(Object... values) {
        OUT.println("row\t" + Stream.of(values).map(String::valueOf).collect(Collectors.joining("\t")));
    }

    // doc: list
    /** An empty list is null. */
    static <T> Stream<T> list(T[] values) {
        return values == null ? Stream.empty() : Stream.of(values);
    }
    // end doc

    static Object[] with(String[] more, Object... values) {
        return Stream.concat(Stream.of(values), list(more)).toArray();
    }

    void search(String query, int limit, long minSize) throws RemoteException {
        // doc: search
        Hit[] hits = gate.searchFind(query, null, null, null, minSize, null, limit, null).getHits();
        list(hits).forEach(hit -> row(with(hit.getTags(), hit.getContentId(), hit.getSize(), hit.getName())));
        // end doc
    }

    void read(String contentId, long offset, int length, String path) throws Exception {
        // doc: read
        Chunk chunk = gate.contentRead(contentId, offset, length, null);
        Files.write(Path.of(path), chunk.getData());
        // end doc
        row(chunk.getOffset(), chunk.getSize(), chunk.isEof());
    }

    void download(String contentId, String path) throws Exception {
        // doc: download
        Download whole = gate.contentDownload(contentId);
        Files.write(Path.of(path), whole.getData());
        // end doc
        row(whole.getName(), whole.getSize());
    }

    void publish(String name, String path, String[] tags) throws Exception {
        // doc: publish
        byte[] data = Files.readAllBytes(Path.of(path));
        Content content = gate.contentPublish(name, data, null, null, tags, null);
        // end doc
        long published = content.getPublished().getTimeInMillis();
        row(with(content.getTags(), content.getContentId(), content.getSize(), content.getName(), published));
    }

    void call(String verb, String[] arguments) throws Exception {
        switch (verb) {
            case "version":
                row(org.apache.axis.Version.getVersion().replaceAll("(?s).*?(\\d[.\\d]*).*", "$1"));
                break;
            case "operations":
                for (Method method : PeergatePortType.class.getMethods()) {
                    row(method.getName());
                }
                break;
            case "search":
                search(arguments[0], Integer.parseInt(arguments[1]), Long.parseLong(arguments[2]));
                break;
            case "read":
                read(arguments[0], Long.parseLong(arguments[1]), Integer.parseInt(arguments[2]), arguments[3]);
                break;
            case "download":
                download(arguments[0], arguments[1]);
                break;
            case "publish":
                publish(arguments[0], arguments[1], Arrays.copyOfRange(arguments, 2, arguments.length));
                break;
            case "status":
                row(gate.transferStatus(arguments[0]).getState());
                break;
            default:
                throw new IllegalArgumentException(verb);
        }
    }

    void answer(String[] request) {
        try {
            showToken();
            call(request[0], Arrays.copyOfRange(request, 1, request.length));
            OUT.println("done");
        // doc: fault
        } catch (FaultDetail fault) {
            // The field `message`; getMessage() is the exception's.
            OUT.println("fault\t" + fault.getKind() + "\t" + fault.getMessage1());
        // end doc
        } catch (Exception error) {
            OUT.println("error\t" + error.toString().replaceAll("\\s+", " "));
        }
    }

    public static void main(String[] arguments) throws Exception {
        Client client = new Client(new URL(arguments[0].replaceAll("\\?.*", "")));
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            client.answer(line.split("\t"));
        }
    }
}
