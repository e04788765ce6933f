// Peergate with JAX-WS. Requests and answers are lines, see stacks.py.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.activation.DataHandler;
import javax.activation.FileDataSource;
import javax.xml.namespace.QName;
import javax.xml.soap.SOAPElement;
import javax.xml.soap.SOAPException;
import javax.xml.soap.SOAPMessage;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.handler.Handler;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.handler.soap.SOAPHandler;
import javax.xml.ws.handler.soap.SOAPMessageContext;
import javax.xml.ws.soap.MTOMFeature;
import peergate.Chunk;
import peergate.Content;
import peergate.Download;
import peergate.Fault;
import peergate.FaultDetail;
import peergate.Hit;
import peergate.Peergate;
import peergate.PeergatePortType;

public class Client {
    private static final PrintStream OUT = new PrintStream(System.out, true, UTF_8);
    private final PeergatePortType gate;

    Client(URL wsdl, Map<String, String> options) throws Exception {
        // doc: open
        PeergatePortType gate = new Peergate(wsdl).getPeergatePort();
        // end doc
        if (options.containsKey("MTOM")) {
            gate = withMtom(wsdl);
        }
        String credential = options.getOrDefault("CREDENTIAL", "");
        String name = options.get("TOKEN_NAME");
        String token = options.get("TOKEN");
        if (credential.equals("http")) {
            // doc: http
            ((BindingProvider) gate).getRequestContext().put(BindingProvider.USERNAME_PROPERTY, name);
            ((BindingProvider) gate).getRequestContext().put(BindingProvider.PASSWORD_PROPERTY, token);
            // end doc
        } else if (!credential.isEmpty()) {
            identify(gate, name, token, credential.equals("digest"));
        }
        this.gate = gate;
    }

    static PeergatePortType withMtom(URL wsdl) {
        // doc: mtom
        PeergatePortType gate = new Peergate(wsdl).getPeergatePort(new MTOMFeature());
        // end doc
        return gate;
    }

    // doc: token
    /** A header as JAX-WS itself has none for WS-Security; WSIT, CXF and others bring one. */
    static void identify(PeergatePortType gate, String user, String password, boolean digest) {
        String wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
        String wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
        String profile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#Password";
        List<Handler> handlers = new ArrayList<>(((BindingProvider) gate).getBinding().getHandlerChain());
        handlers.add(new SOAPHandler<SOAPMessageContext>() {
            public boolean handleMessage(SOAPMessageContext context) {
                if (!(Boolean) context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY)) {
                    return true;
                }
                try {
                    byte[] nonce = SecureRandom.getSeed(16);
                    String created = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
                    MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
                    sha1.update(nonce);
                    byte[] hash = sha1.digest((created + password).getBytes(UTF_8));
                    SOAPMessage message = context.getMessage();
                    SOAPElement token = message.getSOAPHeader().addChildElement("Security", "wsse", wsse)
                        .addChildElement("UsernameToken", "wsse");
                    token.addChildElement("Username", "wsse").addTextNode(user);
                    token.addChildElement("Password", "wsse")
                        .addAttribute(new QName("Type"), profile + (digest ? "Digest" : "Text"))
                        .addTextNode(digest ? Base64.getEncoder().encodeToString(hash) : password);
                    token.addChildElement("Nonce", "wsse").addTextNode(Base64.getEncoder().encodeToString(nonce));
                    token.addChildElement("Created", "wsu", wsu).addTextNode(created);
                    return true;
                } catch (SOAPException | NoSuchAlgorithmException error) {
                    throw new IllegalStateException(error);
                }
            }

            public boolean handleFault(SOAPMessageContext context) {
                return true;
            }

            public void close(MessageContext context) {}

            public Set<QName> getHeaders() {
                return Set.of();
            }
        });
        ((BindingProvider) gate).getBinding().setHandlerChain(handlers);
    }
    // end doc

    static void row(Object... values) {
        OUT.println("row\t" + Stream.of(values).map(String::valueOf).collect(Collectors.joining("\t")));
    }

    static Object[] with(List<String> more, Object... values) {
        return Stream.concat(Stream.of(values), more.stream()).toArray();
    }

    void search(String query, int limit, long minSize) throws Fault {
        // doc: search
        for (Hit hit : gate.searchFind(query, null, null, null, minSize, null, limit, null).getHits()) {
            row(with(hit.getTags(), hit.getContentId(), hit.getSize(), hit.getName()));
        }
        // end doc
    }

    void read(String contentId, long offset, int length, String path) throws Fault, IOException {
        // doc: read
        Chunk chunk = gate.contentRead(contentId, offset, length, null);
        try (OutputStream file = new FileOutputStream(path)) {
            chunk.getData().writeTo(file);
        }
        // end doc
        row(chunk.getOffset(), chunk.getSize(), chunk.isEof());
    }

    void download(String contentId, String path) throws Fault, IOException {
        // doc: download
        Download whole = gate.contentDownload(contentId);
        try (OutputStream file = new FileOutputStream(path)) {
            whole.getData().writeTo(file);
        }
        // end doc
        row(whole.getName(), whole.getSize());
    }

    void publish(String name, String path, List<String> tags) throws Fault {
        // doc: publish
        DataHandler data = new DataHandler(new FileDataSource(path));
        Content content = gate.contentPublish(name, data, null, null, tags, null);
        // end doc
        long published = content.getPublished().toGregorianCalendar().getTimeInMillis();
        row(with(content.getTags(), content.getContentId(), content.getSize(), content.getName(), published));
    }

    void call(String verb, String[] arguments) throws Fault, IOException {
        switch (verb) {
            case "version":
                row(com.sun.xml.ws.util.RuntimeVersion.VERSION.BUILD_VERSION.replaceAll(".* ", ""));
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
                publish(arguments[0], arguments[1], Arrays.asList(arguments).subList(2, arguments.length));
                break;
            case "status":
                row(gate.transferStatus(arguments[0]).getState());
                break;
            default:
                throw new IllegalArgumentException(verb);
        }
    }

    void answer(List<String> request) {
        try {
            call(request.get(0), request.subList(1, request.size()).toArray(new String[0]));
            OUT.println("done");
        // doc: fault
        } catch (Fault fault) {
            FaultDetail detail = fault.getFaultInfo();
            OUT.println("fault\t" + detail.getKind().value() + "\t" + detail.getMessage());
        // end doc
        } catch (Exception error) {
            OUT.println("error\t" + error.toString().replaceAll("\\s+", " "));
        }
    }

    public static void main(String[] arguments) throws Exception {
        Client client = new Client(new URL(arguments[0]), System.getenv());
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            client.answer(new ArrayList<>(Arrays.asList(line.split("\t"))));
        }
    }
}
