package dev.chancery.server;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.hsm.Pkcs11Token;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.ocsp.ForeignSigner;
import dev.chancery.ocsp.OcspResource;
import dev.chancery.ocsp.OcspResponder;
import dev.chancery.ocsp.OcspSettings;
import dev.chancery.ocsp.ServedIssuer;
import dev.chancery.ocsp.StatusSource;
import dev.chancery.ocsp.StatusView;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.store.JooqStatusJournal;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.SoftHsmToken;
import dev.chancery.testing.TestDatabase;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.Signature;
import java.sql.DriverManager;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.ocsp.CertID;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPRequest;
import org.bouncycastle.asn1.ocsp.Request;
import org.bouncycastle.asn1.ocsp.TBSRequest;
import org.bouncycastle.asn1.oiw.OIWObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * How many OCSP answers a second, beside what the same HTTP stack, the same token and openssl ocsp
 * do in the same run: scripts/bench.sh revocation ocsp.
 */
final class OcspBenchmark {
  private static final IssuerId ISSUER = new IssuerId("bench");
  private static final int ASKED = 100_000;
  private static final int FEW = 10_000;
  private static final int CLIENTS = 16;
  private static final int ROUNDS = 5;
  private static final int AT_A_TIME = 8;
  private static final long MEMORY = 256L * 1024 * 1024;
  private static final Duration SETTLING = Duration.ofSeconds(20);

  private final Path folder;
  private final int certificates;
  private final double seconds;
  private final TestDatabase where;
  private final KeyPair authorityKeys;
  private final X509CertificateHolder authority;
  private boolean kept = true;

  private OcspBenchmark(Path folder, int certificates, double seconds) throws Exception {
    this.folder = folder;
    this.certificates = certificates;
    this.seconds = seconds;
    this.where = DatabaseKind.POSTGRESQL.create(folder);
    this.authorityKeys = keyPair();
    this.authority =
        certificate(
            "CN=Bench CA",
            SubjectPublicKeyInfo.getInstance(authorityKeys.getPublic().getEncoded()),
            Extension.basicConstraints,
            new BasicConstraints(true).getEncoded());
  }

  /** Arguments: a folder for files, how many certificates, seconds for each round. */
  public static void main(String[] arguments) throws Exception {
    OcspBenchmark benchmark =
        new OcspBenchmark(
            Path.of(arguments[0]),
            Integer.parseInt(arguments[1]),
            Double.parseDouble(arguments[2]));
    benchmark.run();
    System.exit(benchmark.kept ? 0 : 1);
  }

  private static KeyPair keyPair() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(256);
    return generator.generateKeyPair();
  }

  private X509CertificateHolder certificate(
      String subject, SubjectPublicKeyInfo key, ASN1ObjectIdentifier oid, byte[] extension)
      throws Exception {
    Instant now = Clock.systemUTC().instant();
    return new X509v3CertificateBuilder(
            new X500Name("CN=Bench CA"),
            BigInteger.valueOf(now.toEpochMilli()),
            Date.from(now.minusSeconds(600)),
            Date.from(now.plus(Duration.ofDays(7))),
            new X500Name(subject),
            key)
        .addExtension(oid, false, extension)
        .build(
            new JcaContentSignerBuilder("SHA256withECDSA")
                .setProvider(BouncyCastle.PROVIDER)
                .build(authorityKeys.getPrivate()));
  }

  private void run() throws Exception {
    SoftHsmToken soft = SoftHsmToken.create(folder, "bench");
    try (Database database =
            Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
        Token token = Pkcs11Token.open(settings(soft), TokenObserver.NONE)) {
      new IssuerRegistry(database)
          .register(ISSUER, SubjectPublicKey.of(authority.getSubjectPublicKeyInfo()));
      JooqRevocationLedger ledger = new JooqRevocationLedger(database, Clock.systemUTC());
      generate(1, FEW);
      // The first round warms up.
      double[] _ = latencies(ledger, FEW, 0);
      double[] few = latencies(ledger, FEW, 1);
      generate(FEW + 1, certificates);
      double[] _ = latencies(ledger, certificates, 2);
      double[] many = latencies(ledger, certificates, 3);
      System.out.printf(
          "%nledger on PostgreSQL, median of one after the other, ms: %d certificates: status %.3f,"
              + " revoke %.3f; %d certificates: status %.3f, revoke %.3f%n",
          FEW, few[0], few[1], certificates, many[0], many[1]);
      verdict("status lookup, many to few rows", many[0] / few[0], 1.3, false);
      verdict("revoke, many to few rows", many[1] / few[1], 1.3, false);
      answers(database, ledger, token, soft);
    }
  }

  private void verdict(String what, double ratio, double limit, boolean least) {
    boolean within = least ? ratio >= limit : ratio <= limit;
    kept &= within;
    System.out.printf(
        Locale.ROOT,
        "| %s | %.2f | %s %.2f | %s |%n",
        what,
        ratio,
        least ? "at least" : "at most",
        limit,
        within ? "yes" : "no");
  }

  private static Pkcs11Settings settings(SoftHsmToken soft) {
    return new Pkcs11Settings(
        soft.library(),
        Optional.of(soft.label()),
        Optional.empty(),
        soft.pinFile(),
        4,
        Duration.ofSeconds(10),
        Pkcs11Settings.Place.PROCESS,
        Map.of());
  }

  private void generate(int first, int last) throws Exception {
    // Else most of what is written are pages as they were before the load.
    execute("alter system set max_wal_size = '16GB'");
    execute("select pg_reload_conf()");
    // One for each processor core.
    int middle = first + (last - first) / 2;
    try (ExecutorService halves = Executors.newFixedThreadPool(2)) {
      List<Future<Integer>> loading = new ArrayList<>();
      loading.add(halves.submit(() -> insert(first, middle)));
      loading.add(halves.submit(() -> insert(middle + 1, last)));
      int loaded = 0;
      for (Future<Integer> half : loading) {
        loaded += half.get();
      }
      if (loaded != last - first + 1) {
        throw new IllegalStateException("loaded: " + loaded);
      }
    }
    execute("vacuum analyze certificates");
    // As PostgreSQL does by itself within a minute; until then a plan for an empty table is used.
    execute("vacuum analyze revocations");
    // Else the first lookups write what the load left in memory, a page for each that they need.
    execute("checkpoint");
    // The disk and what PostgreSQL does by itself after a load are not to be measured.
    Thread.sleep(SETTLING);
  }

  /** How many were inserted. */
  private int insert(int first, int last) throws Exception {
    String script;
    try (InputStream file = OcspBenchmark.class.getResourceAsStream("certificates.sql")) {
      script = new String(Objects.requireNonNull(file).readAllBytes(), StandardCharsets.UTF_8);
    }
    try (var connection = DriverManager.getConnection(where.url(), where.user(), where.password());
        var statement = connection.createStatement()) {
      return statement.executeUpdate(
          script
              .replace("{first}", Integer.toString(first))
              .replace("{last}", Integer.toString(last)));
    }
  }

  private void execute(String sql) throws Exception {
    try (var connection = DriverManager.getConnection(where.url(), where.user(), where.password());
        var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The serial number that the script gives to a number. */
  private static BigInteger serial(int number) throws Exception {
    byte[] md5 =
        MessageDigest.getInstance("MD5")
            .digest(Integer.toString(number).getBytes(StandardCharsets.US_ASCII));
    return new BigInteger(
        "0190" + String.format("%08x", number) + HexFormat.of().formatHex(md5).substring(0, 20),
        16);
  }

  /** Milliseconds of a status lookup and of a revocation, the medians. */
  private double[] latencies(JooqRevocationLedger ledger, int rows, int round) throws Exception {
    int times = 2000;
    double[] status = new double[times];
    double[] revoke = new double[times / 4];
    for (int i = 0; i < times; i++) {
      // From the end: what is revoked here is not asked for later, but for the last few.
      SerialNumber serial = SerialNumber.of(serial(rows - (int) (i * 7919L % (rows / 2))));
      long start = System.nanoTime();
      if (ledger.status(ISSUER, serial) instanceof CertificateStatus.Unknown) {
        throw new IllegalStateException("not there: " + serial);
      }
      status[i] = (System.nanoTime() - start) / 1e6;
    }
    for (int i = 0; i < revoke.length; i++) {
      SerialNumber serial = SerialNumber.of(serial(rows - 1 - i - round * revoke.length));
      long start = System.nanoTime();
      ledger.revoke(
          new Revocation(
              ISSUER,
              serial,
              RevocationReason.SUPERSEDED,
              Instant.ofEpochSecond(1_700_000_000),
              Optional.empty(),
              "bench"));
      revoke[i] = (System.nanoTime() - start) / 1e6;
    }
    return new double[] {median(status), median(revoke)};
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private void answers(
      Database database, JooqRevocationLedger ledger, Token token, SoftHsmToken soft)
      throws Exception {
    Clock clock = Clock.systemUTC();
    try (StatusView view =
        new StatusView(new JooqStatusJournal(database), Duration.ofSeconds(2), System::nanoTime)) {
      ForeignSigner signer = signer(token, "0f", KeyAlgorithm.EC_P256);
      OcspResponder responder = responder(view, ledger, signer, MEMORY);
      // Without memory for statuses, each is looked up in the ledger.
      OcspResponder looking = responder(view, ledger, signer, 0);
      OcspResponder rsa = responder(view, ledger, signer(token, "10", KeyAlgorithm.RSA_2048), 0);
      byte[] constant = responder.answer(request(1, false)).encoded().bytes();
      BoundPort port = BoundPort.bind("public", new Configuration.ListenerSection("127.0.0.1", 0));
      try (HttpListener _ =
          HttpListener.http(
              port,
              OcspResource.URI_COMPLIANCE,
              config -> {
                new OcspResource(responder, clock).mount(config.routes, "/ocsp");
                new OcspResource(looking, clock).mount(config.routes, "/looking");
                new OcspResource(rsa, clock).mount(config.routes, "/rsa");
                config.routes.post(
                    "/constant",
                    context -> {
                      context.req().getInputStream().readAllBytes();
                      context.contentType("application/ocsp-response").result(constant);
                    });
              })) {
        measure(port.port(), soft);
      }
    }
  }

  private ForeignSigner signer(Token token, String id, KeyAlgorithm algorithm) throws Exception {
    KeyId keyId = new KeyId(id);
    SubjectPublicKey key = token.generate(keyId, algorithm);
    X509CertificateHolder certificate =
        certificate(
            "CN=Bench OCSP signer",
            SubjectPublicKeyInfo.getInstance(key.encoded().bytes()),
            Extension.extendedKeyUsage,
            new ExtendedKeyUsage(KeyPurposeId.id_kp_OCSPSigning).getEncoded());
    return new ForeignSigner(
        token.ocspKey(keyId, key, SigningScheme.of(algorithm, false)),
        certificate,
        Clock.systemUTC());
  }

  private OcspResponder responder(
      StatusView view, JooqRevocationLedger ledger, ForeignSigner signer, long memory) {
    return new OcspResponder(
        List.of(new ServedIssuer(ISSUER, authority, signer, StatusSource.ledger(ledger, ISSUER))),
        view,
        Clock.systemUTC(),
        new OcspSettings(Duration.ofHours(12), Duration.ofHours(6), memory, true, AT_A_TIME));
  }

  private byte[] request(int number, boolean nonce) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-1");
    CertID certificate =
        new CertID(
            new AlgorithmIdentifier(OIWObjectIdentifiers.idSHA1, DERNull.INSTANCE),
            new DEROctetString(digest.digest(authority.getSubject().getEncoded("DER"))),
            new DEROctetString(
                digest.digest(authority.getSubjectPublicKeyInfo().getPublicKeyData().getOctets())),
            new ASN1Integer(serial(number)));
    byte[] octets = new byte[16];
    octets[0] = (byte) number;
    octets[1] = (byte) (number >> 8);
    Extensions extensions =
        nonce
            ? new Extensions(
                new Extension(
                    OCSPObjectIdentifiers.id_pkix_ocsp_nonce,
                    false,
                    new DEROctetString(octets).getEncoded()))
            : null;
    return new OCSPRequest(
            new TBSRequest(null, new DERSequence(new Request(certificate, null)), extensions), null)
        .getEncoded("DER");
  }

  private Path requests(boolean nonce) throws Exception {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 1; i <= ASKED; i++) {
      // Spread over all the certificates.
      all.write(request((int) ((long) i * certificates / ASKED), nonce));
    }
    return Files.write(folder.resolve(nonce ? "nonces" : "requests"), all.toByteArray());
  }

  private void measure(int port, SoftHsmToken soft) throws Exception {
    Path bare = requests(false);
    Path nonces = requests(true);
    int bareLength = request(certificates, false).length;
    int nonceLength = request(certificates, true).length;
    // Once through: every answer is signed and kept.
    drive(port, "/ocsp", bare, bareLength, 0);
    for (int i = 0; i < 2; i++) {
      drive(port, "/constant", bare, bareLength, seconds);
      drive(port, "/ocsp", bare, bareLength, seconds);
      drive(port, "/ocsp", nonces, nonceLength, seconds);
      drive(port, "/looking", nonces, nonceLength, seconds);
      drive(port, "/rsa", nonces, nonceLength, seconds);
    }
    double[] constant = new double[ROUNDS];
    double[] cached = new double[ROUNDS];
    double[] signed = new double[ROUNDS];
    double[] known = new double[ROUNDS];
    double[] alone = new double[ROUNDS];
    double[] theirs = new double[ROUNDS];
    double[] ours = new double[ROUNDS];
    double[] oursKnown = new double[ROUNDS];
    double[] rsaSigned = new double[ROUNDS];
    double[] rsaAlone = new double[ROUNDS];
    List<BareKey> keys = BareKey.open(soft);
    Path one = Files.write(folder.resolve("one"), request(certificates / 2, true));
    int hung;
    try (OpenSslResponder openssl = OpenSslResponder.start(opensslFiles())) {
      openssl.drive(one);
      ApacheBench.perSecond(port, "/looking", one);
      for (int i = 0; i < ROUNDS; i++) {
        constant[i] = drive(port, "/constant", bare, bareLength, seconds);
        cached[i] = drive(port, "/ocsp", bare, bareLength, seconds);
        alone[i] = keys.getFirst().perSecond(seconds);
        signed[i] = drive(port, "/looking", nonces, nonceLength, seconds);
        known[i] = drive(port, "/ocsp", nonces, nonceLength, seconds);
        rsaAlone[i] = keys.getLast().perSecond(seconds);
        rsaSigned[i] = drive(port, "/rsa", nonces, nonceLength, seconds);
        theirs[i] = openssl.drive(one);
        ours[i] = ApacheBench.perSecond(port, "/looking", one);
        oursKnown[i] = ApacheBench.perSecond(port, "/ocsp", one);
      }
      hung = openssl.hung();
    }
    System.out.printf(
        Locale.ROOT,
        "%n%d certificates, requests over %d of them, %d clients, %d rounds of %.0f s, medians%n%n|"
            + " | answers/s |%n|---|---|%n",
        certificates,
        ASKED,
        CLIENTS,
        ROUNDS,
        seconds);
    row("constant answer of the same size, connections kept", constant);
    row("kept answers, connections kept", cached);
    row("the token alone, signatures, P-256", alone);
    row("a signature and a look into the ledger each, connections kept, P-256", signed);
    row("a signature each, of known statuses, connections kept, P-256", known);
    row("the token alone, signatures, RSA of 2048 bits", rsaAlone);
    row(
        "a signature and a look into the ledger each, connections kept, RSA of 2048 bits",
        rsaSigned);
    row("openssl ocsp, a connection and a signature each, P-256", theirs);
    row("ours, a connection, a signature and a look into the ledger each, P-256", ours);
    row("ours, a connection and a signature each, of known statuses, P-256", oursKnown);
    System.out.printf(
        "%nopenssl ocsp hung %d times and was started anew%n%n| | ratio | limit | kept"
            + " |%n|---|---|---|---|%n",
        hung);
    verdict("kept answers to a constant one", ratio(cached, constant), 0.7, true);
    verdict("signed answers to the token alone, P-256", ratio(signed, alone), 0.5, true);
    verdict("signed answers to the token alone, RSA", ratio(rsaSigned, rsaAlone), 0.5, true);
    verdict("signed answers to openssl ocsp", ratio(ours, theirs), 1.0, true);
    System.out.println(kept ? "within the limits" : "over a limit");
  }

  private static void row(String what, double[] perSecond) {
    System.out.printf(Locale.ROOT, "| %s | %.0f |%n", what, median(perSecond));
  }

  /** What openssl ocsp reads: an index of as many certificates as are asked for here, and keys. */
  private Path opensslFiles() throws Exception {
    StringBuilder index = new StringBuilder();
    for (int i = 1; i <= ASKED; i++) {
      String digits =
          serial((int) ((long) i * certificates / ASKED)).toString(16).toUpperCase(Locale.ROOT);
      index
          .append("V\t291231235959Z\t\t")
          .append(digits.length() % 2 == 0 ? digits : "0" + digits)
          .append("\tunknown\t/CN=")
          .append(i)
          .append('\n');
    }
    Files.writeString(folder.resolve(OpenSslResponder.INDEX), index);
    KeyPair keys = keyPair();
    X509CertificateHolder signer =
        certificate(
            "CN=openssl OCSP signer",
            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()),
            Extension.extendedKeyUsage,
            new ExtendedKeyUsage(KeyPurposeId.id_kp_OCSPSigning).getEncoded());
    pem(OpenSslResponder.AUTHORITY, "CERTIFICATE", authority.getEncoded());
    pem(OpenSslResponder.SIGNER, "CERTIFICATE", signer.getEncoded());
    pem(OpenSslResponder.SIGNER_KEY, "PRIVATE KEY", keys.getPrivate().getEncoded());
    return folder;
  }

  private void pem(String file, String type, byte[] content) throws Exception {
    Files.writeString(
        folder.resolve(file),
        "-----BEGIN "
            + type
            + "-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content)
            + "\n-----END "
            + type
            + "-----\n");
  }

  private static double ratio(double[] ours, double[] others) {
    double[] ratios = new double[ours.length];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = ours[i] / others[i];
    }
    return median(ratios);
  }

  private static double drive(int port, String path, Path requests, int length, double seconds)
      throws Exception {
    String output =
        output(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                OcspDriver.class.getName(),
                Integer.toString(port),
                path,
                requests.toString(),
                Integer.toString(length),
                Integer.toString(CLIENTS),
                Double.toString(seconds)));
    String[] words = output.strip().split(" ", -1);
    double perSecond = Double.parseDouble(words[0]);
    // A client that waits for too long for its turn is told to try later, on a busy machine.
    if (Double.parseDouble(words[1]) > perSecond * Math.max(seconds, 1) / 10) {
      throw new IllegalStateException(path + ": too many not answered: " + output);
    }
    return perSecond;
  }

  private static String output(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException(command.getFirst() + ": " + output);
    }
    return output;
  }

  /** The JDK's provider on the token, without what the product builds upon it. */
  private record BareKey(Provider provider, String algorithm, PrivateKey key) {
    private static final int THREADS = 4;

    /** A key of P-256 and one of RSA with 2048 bits. */
    static List<BareKey> open(SoftHsmToken soft) throws Exception {
      Provider provider =
          Security.getProvider("SunPKCS11")
              .configure("--name = bare\nlibrary = " + soft.library() + "\nslotListIndex = 0\n");
      KeyStore.getInstance("PKCS11", provider).load(null, SoftHsmToken.PIN.toCharArray());
      return List.of(
          generated(provider, "EC", 256, "SHA256withECDSA"),
          generated(provider, "RSA", 2048, "SHA256withRSA"));
    }

    private static BareKey generated(Provider provider, String kind, int bits, String algorithm)
        throws Exception {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(kind, provider);
      generator.initialize(bits);
      return new BareKey(provider, algorithm, generator.generateKeyPair().getPrivate());
    }

    double perSecond(double seconds) throws Exception {
      byte[] message = new byte[300];
      long start = System.nanoTime();
      long end = start + (long) (seconds * 1e9);
      try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
        List<Future<Long>> running = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
          Callable<Long> signing =
              () -> {
                long count = 0;
                while (System.nanoTime() < end) {
                  Signature signature = Signature.getInstance(algorithm, provider);
                  signature.initSign(key);
                  signature.update(message);
                  signature.sign();
                  count++;
                }
                return count;
              };
          running.add(threads.submit(signing));
        }
        long all = 0;
        for (Future<Long> each : running) {
          all += each.get();
        }
        return all / ((System.nanoTime() - start) / 1e9);
      }
    }
  }
}
