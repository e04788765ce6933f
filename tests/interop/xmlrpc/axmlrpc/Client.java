// Peergate with Java's aXMLRPC. Requests and answers are lines, see stacks.py.

import de.timroes.axmlrpc.XMLRPCClient;
import de.timroes.axmlrpc.XMLRPCServerException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;

public class Client {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static XMLRPCClient gate;

    private static void row(List<?> values, Object... list) {
        StringBuilder line = new StringBuilder("row");
        values.forEach(value -> line.append('\t').append(value));
        Arrays.stream(list).forEach(value -> line.append('\t').append(value));
        OUT.println(line);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> struct(Object value) {
        return (Map<String, Object>) value;
    }

    private static Object[] list(Object value) {
        return (Object[]) value;
    }

    // doc: number
    // A long comes as an int, or as a double beyond 32 bits.
    private static long number(Object value) {
        return ((Number) value).longValue();
    }
    // end doc

    private static Map<String, Object> call(String method, Object... parameters) throws Exception {
        return struct(gate.call(method, parameters));
    }

    private static void answer(String verb, List<String> a) throws Exception {
        switch (verb) {
            case "version":
                try (var jars = Files.newDirectoryStream(Path.of("/usr/share/java"), "axmlrpc-*.jar")) {
                    row(List.of(jars.iterator().next().getFileName().toString().replaceAll("axmlrpc-|\\.jar", "")));
                }
                break;
            case "methods":
                for (Object name : list(gate.call("system.listMethods"))) {
                    row(List.of(name));
                }
                break;
            case "help":
                Object[] signatures = list(gate.call("system.methodSignature", a.get(0)));
                row(List.of(signatures.length, ((String) gate.call("system.methodHelp", a.get(0))).replaceAll("\\s+", " ")));
                break;
            case "search": {
                String query = a.get(0);
                int limit = Integer.parseInt(a.get(1));
                long minSize = Long.parseLong(a.get(2));
                // doc: search
                Map<String, Object> found = call("search.find", query, Map.of("limit", limit, "minSize", minSize));
                for (Object item : list(found.get("hits"))) {
                    Map<String, Object> hit = struct(item);
                    row(List.of(hit.get("contentId"), number(hit.get("size")), hit.get("name")), list(hit.get("tags")));
                }
                // end doc
                break;
            }
            case "read": {
                String contentId = a.get(0);
                long offset = Long.parseLong(a.get(1));
                int length = Integer.parseInt(a.get(2));
                Path path = Path.of(a.get(3));
                // doc: read
                Map<String, Object> chunk = call("content.read", contentId, Map.of("offset", offset, "length", length));
                Files.write(path, (byte[]) chunk.get("data"));
                // end doc
                row(List.of(number(chunk.get("offset")), number(chunk.get("size")), chunk.get("eof")));
                break;
            }
            case "download": {
                Map<String, Object> whole = call("content.download", a.get(0));
                Files.write(Path.of(a.get(1)), (byte[]) whole.get("data"));
                row(List.of(whole.get("name"), number(whole.get("size"))));
                break;
            }
            case "publish": {
                String name = a.get(0);
                Path path = Path.of(a.get(1));
                String[] tags = a.subList(2, a.size()).toArray(new String[0]);
                // doc: publish
                Map<String, Object> content = call("content.publish", name, Files.readAllBytes(path), Map.of("tags", tags));
                // end doc
                long published = ((Date) content.get("published")).getTime();
                row(List.of(content.get("contentId"), number(content.get("size")), content.get("name"), published),
                    list(content.get("tags")));
                break;
            }
            case "status":
                row(List.of(call("transfer.status", a.get(0)).get("state")));
                break;
            case "multicall": {
                Object[] calls = {
                    Map.of("methodName", "search.find", "params", new Object[] {a.get(0), Map.of("limit", 100)}),
                    Map.of("methodName", "transfer.status", "params", new Object[] {a.get(1)}),
                };
                Object[] answers = list(gate.call("system.multicall", (Object) calls));
                // An answer is in an array of one, a fault is a struct.
                row(List.of("hits", list(struct(list(answers[0])[0]).get("hits")).length));
                row(List.of("fault", struct(answers[1]).get("faultCode")));
                break;
            }
            case "subscribe":
                row(List.of(call("event.subscribe", (Object) new Object[] {a.get(0)}).get("subscriptionId")));
                break;
            case "pull":
                Map<String, Object> page = call("event.pull", a.get(0), Map.of("waitMs", Integer.valueOf(a.get(1))));
                for (Object item : list(page.get("events"))) {
                    row(List.of(struct(item).get("topic"), struct(item).get("subject")));
                }
                break;
            default:
                throw new IllegalArgumentException(verb);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        // doc: open
        // Without the flag it writes no long; times are in the zone of this machine.
        gate = new XMLRPCClient(new URL(address), XMLRPCClient.FLAGS_8BYTE_INT);
        // end doc
        if (System.getenv("CREDENTIAL") != null) {
            String name = System.getenv("TOKEN_NAME");
            String token = System.getenv("TOKEN");
            // doc: http
            gate.setLoginData(name, token);
            // end doc
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            List<String> words = Arrays.asList(line.split("\t"));
            try {
                answer(words.get(0), words.subList(1, words.size()));
                OUT.println("done");
            // doc: fault
            } catch (XMLRPCServerException fault) {
                // It puts the code behind the sentence.
                String message = fault.getMessage().replace(" [" + fault.getErrorNr() + "]", "");
            // end doc
                OUT.println("fault\t" + fault.getErrorNr() + "\t" + message);
            } catch (Exception error) {
                OUT.println("error\t" + (error + " " + error.getCause()).replaceAll("\\s+", " "));
            }
        }
    }
}
