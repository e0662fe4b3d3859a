import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousServerSocketChannel;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.openziti.Ziti;
import org.openziti.ZitiAddress;
import org.openziti.ZitiContext;

/**
 * The Java SDK org.openziti:ziti as the other end of our tests; see ../foreign-sdk.ts for what each command does and prints.
 *
 * enrol TOKEN_FILE IDENTITY_FILE | dial IDENTITY_FILE BYTES SERVICE... | host IDENTITY_FILE SERVICE...
 */
public final class Sdk {
    private static final int CHUNK = 64 * 1024;
    private static final int ROUND_TRIPS = 100;
    private static final int TIMEOUT_S = 60;
    private static final char[] NO_PASSWORD = new char[0];

    public static void main(String[] args) throws Exception {
        if (args[0].equals("enrol")) enrol(args[1], args[2]);
        else {
            ZitiContext context = Ziti.newContext(new File(args[1]), NO_PASSWORD);
            if (args[0].equals("dial")) for (String service : Arrays.copyOfRange(args, 3, args.length)) dial(context, Integer.parseInt(args[2]), service);
            else {
                for (String service : Arrays.copyOfRange(args, 2, args.length)) host(context, service);
                System.in.readAllBytes();
            }
        }
        // The SDK's threads would keep the process.
        System.exit(0);
    }

    /** The SDK leaves a key store; here it becomes the standard identity file, which it reads as well. */
    private static void enrol(String token, String identity) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        ZitiContext context = Ziti.enroll(store, Files.readAllBytes(Path.of(token)), "java");
        StringBuilder authorities = new StringBuilder();
        String keyPem = "";
        String chain = "";
        for (String alias : Collections.list(store.aliases()))
            if (store.isKeyEntry(alias)) {
                keyPem = pem("PRIVATE KEY", store.getKey(alias, NO_PASSWORD).getEncoded());
                for (Certificate certificate : store.getCertificateChain(alias)) chain += pem("CERTIFICATE", certificate.getEncoded());
            } else authorities.append(pem("CERTIFICATE", store.getCertificate(alias).getEncoded()));
        String json = "{\"ztAPI\":\"" + context.controller() + "\",\"id\":{\"key\":\"pem:" + keyPem + "\",\"cert\":\"pem:" + chain + "\",\"ca\":\"pem:" + authorities + "\"}}";
        Set<PosixFilePermission> owner = PosixFilePermissions.fromString("rw-------");
        Files.createFile(Path.of(identity), PosixFilePermissions.asFileAttribute(owner));
        Files.writeString(Path.of(identity), json.replace("\n", "\\n"));
        say("enrolled");
    }

    private static String pem(String kind, byte[] der) {
        String base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + kind + "-----\n" + base64 + "\n-----END " + kind + "-----\n";
    }

    private static void dial(ZitiContext context, int length, String service) throws Exception {
        known(context, service);
        AsynchronousSocketChannel connection = context.open();
        connection.connect(new ZitiAddress.Dial(service)).get(TIMEOUT_S, TimeUnit.SECONDS);
        long[] trips = new long[ROUND_TRIPS];
        for (int i = 0; i < ROUND_TRIPS; i++) trips[i] = roundTrip(connection);
        Arrays.sort(trips);
        byte[] content = new byte[length];
        new SecureRandom().nextBytes(content);
        long began = System.nanoTime();
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> write(connection, content));
        byte[] echoed = readExactly(connection, length);
        double took = (System.nanoTime() - began) / 1e9;
        sending.get(TIMEOUT_S, TimeUnit.SECONDS);
        connection.shutdownOutput();
        ByteArrayOutputStream rest = new ByteArrayOutputStream();
        byte[] chunk;
        while ((chunk = read(connection, CHUNK)) != null) rest.write(chunk);
        say("exchanged", "service", service, "intact", Arrays.equals(content, echoed), "counted", ByteBuffer.wrap(rest.toByteArray()).getLong(),
            "roundTripUs", trips[ROUND_TRIPS / 2] / 1000, "megabytesPerSecond", Math.round(length / took / 1e6), "ended", "cleanly");
        connection.close();
    }

    private static void host(ZitiContext context, String service) throws Exception {
        known(context, service);
        AsynchronousServerSocketChannel listener = context.openServer();
        listener.bind(new ZitiAddress.Bind(service), 5);
        say("hosting", "service", service);
        Thread accepting = new Thread(() -> {
            while (true) {
                try {
                    AsynchronousSocketChannel connection = listener.accept().get();
                    new Thread(() -> echo(service, connection)).start();
                } catch (Exception failed) {
                    failed.printStackTrace();
                    return;
                }
            }
        });
        accepting.start();
    }

    private static void echo(String service, AsynchronousSocketChannel connection) {
        try {
            String caller = String.valueOf(((ZitiAddress.Session) connection.getRemoteAddress()).getCallerId());
            long count = 0;
            byte[] chunk;
            while ((chunk = read(connection, CHUNK)) != null) {
                write(connection, chunk);
                count += chunk.length;
            }
            write(connection, ByteBuffer.allocate(8).putLong(count).array());
            connection.shutdownOutput();
            connection.close();
            say("served", "service", service, "caller", caller, "bytes", count);
        } catch (Exception failed) {
            failed.printStackTrace();
        }
    }

    /** Services are listed in the background. */
    private static void known(ZitiContext context, String service) throws InterruptedException {
        for (int tries = 0; context.getService(service) == null; tries++) {
            if (tries == TIMEOUT_S * 10) throw new IllegalStateException("never heard of the service " + service);
            Thread.sleep(100);
        }
    }

    private static long roundTrip(AsynchronousSocketChannel connection) throws Exception {
        long began = System.nanoTime();
        write(connection, new byte[] {'!'});
        readExactly(connection, 1);
        return System.nanoTime() - began;
    }

    private static void write(AsynchronousSocketChannel connection, byte[] content) {
        try {
            for (int at = 0; at < content.length; at += CHUNK) {
                ByteBuffer left = ByteBuffer.wrap(content, at, Math.min(CHUNK, content.length - at));
                while (left.hasRemaining()) connection.write(left).get(TIMEOUT_S, TimeUnit.SECONDS);
            }
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    /** What there is, at most so many bytes; null at the end. */
    private static byte[] read(AsynchronousSocketChannel connection, int most) throws Exception {
        ByteBuffer into = ByteBuffer.allocate(most);
        int count = connection.read(into).get(TIMEOUT_S, TimeUnit.SECONDS);
        return count < 0 ? null : Arrays.copyOf(into.array(), count);
    }

    private static byte[] readExactly(AsynchronousSocketChannel connection, int length) throws Exception {
        ByteArrayOutputStream content = new ByteArrayOutputStream(length);
        while (content.size() < length) {
            byte[] chunk = read(connection, Math.min(CHUNK, length - content.size()));
            if (chunk == null) throw new EOFException("ended after " + content.size() + " of " + length + " bytes");
            content.write(chunk);
        }
        return content.toByteArray();
    }

    /** One line of JSON. */
    private static void say(String event, Object... fields) {
        StringBuilder line = new StringBuilder("{\"event\":\"" + event + "\"");
        for (int i = 0; i < fields.length; i += 2)
            line.append(",\"").append(fields[i]).append("\":").append(fields[i + 1] instanceof String ? "\"" + fields[i + 1] + "\"" : fields[i + 1]);
        synchronized (System.out) {
            System.out.println(line.append("}"));
        }
    }
}
