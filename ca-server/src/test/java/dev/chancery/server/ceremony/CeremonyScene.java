package dev.chancery.server.ceremony;

import static java.util.function.Predicate.not;

import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.TokenModule;
import dev.chancery.server.engine.CaCertificates;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * The machines and people of a ceremony: a plan with all kinds of items, three witnesses with
 * OpenSSH keys, SoftHSM2 tokens in directories of their own.
 */
public final class CeremonyScene {
  public static final String PLAN =
      """
      name: test-root
      from: 2026-01-01T00:00:00Z
      until: 2027-01-01T00:00:00Z
      offline: false
      witnesses:
        threshold: 2
        allowedSigners: |
      %s
      token: {label: test-root, initialize: true}
      root:
        keyId: "726f6f74"
        key: ec-p256
        subject: {organization: Tests, commonName: Test Root}
        notAfter: 2046-01-01T00:00:00Z
        pathLength: 2
      urls: {crl: "http://pki.example/crl/root.crl"}
      intermediates:
        - name: web
          csr: web.csr
          sha256: "@web.csr@"
          subject: {organization: Tests, commonName: Web CA}
          key: ec-p256
          notAfter: 2031-01-01T00:00:00Z
          pathLength: 0
          nameConstraints: {permitted: {dns: [example.internal]}}
      crossCertificates:
        - {name: old-by-new, certificate: old.pem, sha256: "@old.pem@", notAfter: 2030-01-01T00:00:00Z, pathLength: 1}
      ocspSigner:
        name: root-ocsp
        csr: ocsp.csr
        sha256: "@ocsp.csr@"
        key: ec-p256
        subject: {organization: Tests, commonName: Root OCSP}
        notAfter: 2028-01-01T00:00:00Z
      crl:
        number: 7
        validity: 365d
        revoked: [{serial: 0a0b, at: 2026-01-02T00:00:00Z, reason: superseded}]
      """;

  public static final List<String> ITEMS = List.of("root", "web", "old-by-new", "root-ocsp", "crl");
  static final List<String> WITNESSES = List.of("anna", "bert", "carla");

  static final String OFFICER_PIN = "test-so-pin-1234";

  /** For what asks nobody. */
  static final Console SILENT =
      new Console() {
        @Override
        public void say(String text) {}

        @Override
        public String ask(String question) {
          throw new IllegalStateException("nobody is to be asked: " + question);
        }
      };

  private static final AtomicInteger LIBRARIES = new AtomicInteger();
  private static final Map<String, String> OWN =
      Map.of("SOFTHSM2_CONF", String.valueOf(System.getenv("SOFTHSM2_CONF")));

  final Path folder;
  private final Path keys;
  public final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-06-01T12:00:00Z"));
  Machine machine = new Machine("chancery test", Digests.sha256(new byte[] {1}), List.of());
  private String planned = PLAN;
  final List<String> said = new ArrayList<>();

  /** The module to go by, when it is not a copy of SoftHSM2. */
  Optional<Path> module = Optional.empty();

  /** What is taken for the security officer's PIN. */
  String officerPin = OFFICER_PIN;

  /** What happens while people look at an item, before they type its name. */
  Consumer<String> asked = item -> {};

  /** How long each look at the clock takes. */
  Duration tick = Duration.ZERO;

  /**
   * @param keys where the witnesses' keys are
   */
  private CeremonyScene(Path folder, Path keys) {
    this.folder = folder;
    this.keys = keys;
  }

  /** A scene in a new folder. */
  public CeremonyScene(Path folder) throws Exception {
    this(folder, folder.resolve("keys"));
    Files.createDirectories(in());
    Files.createDirectories(keys);
    for (String witness : WITNESSES) {
      key(witness);
    }
    write("web.csr", request("O=Tests,CN=Web CA", null));
    write("ocsp.csr", request("O=Tests,CN=Root OCSP", null));
    write("old.pem", root("O=Tests,CN=Old Root"));
    plan(PLAN);
  }

  /** The scene that another process has made in a folder, as prepared there. */
  static CeremonyScene of(Path folder) {
    return new CeremonyScene(folder, folder.resolve("keys"));
  }

  public Path in() {
    return folder.resolve("in");
  }

  Path rehearsal() {
    return folder.resolve("rehearsal");
  }

  public void write(String name, String text) throws IOException {
    Files.writeString(in().resolve(name), text);
  }

  /**
   * Writes the plan, its %s filled with the witnesses, and each file's name between two @ with its
   * digest.
   */
  public void plan(String text) throws Exception {
    planned = text;
    String filled = text.formatted(signers());
    Folder files = new Folder(in());
    for (String file : files.names()) {
      filled = filled.replace("@" + file + "@", Digests.sha256(files.read(file)));
    }
    write(CeremonyPlan.FILE, filled);
  }

  /** Writes it anew, with the digests of the files as they are now. */
  void planAnew() throws Exception {
    plan(planned);
  }

  String signers() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (String witness : WITNESSES) {
      lines
          .append("    ")
          .append(witness)
          .append(' ')
          .append(Files.readString(keys.resolve(witness + ".pub")));
    }
    return lines.toString().stripTrailing();
  }

  void key(String name) throws Exception {
    Path file = keys.resolve(name);
    command(List.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", "" + file));
  }

  /** A witness signs a file; the signature is put where the ceremony looks for it. */
  void sign(Path directory, String file, String witness, Witnesses.Purpose purpose)
      throws Exception {
    signAs(directory, file, witness, witness, purpose.namespace());
  }

  void signAs(Path directory, String file, String key, String witness, String namespace)
      throws Exception {
    Path signed = directory.resolve(file);
    command(
        List.of(
            "ssh-keygen",
            "-q",
            "-Y",
            "sign",
            "-n",
            namespace,
            "-f",
            "" + keys.resolve(key),
            "" + signed));
    Files.move(
        directory.resolve(file + ".sig"),
        directory.resolve(Witnesses.signatureFile(file, witness)),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
  }

  private static void command(List<String> command) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException(command + " failed: " + output);
    }
  }

  /** Plan and manifest signed, so that the real ceremony can be held. */
  public void prepare() throws Exception {
    sign(in(), CeremonyPlan.FILE, "anna", Witnesses.Purpose.PLAN);
    sign(in(), CeremonyPlan.FILE, "bert", Witnesses.Purpose.PLAN);
    manifest();
  }

  void manifest() throws Exception {
    Manifest.write(new Folder(in()));
    sign(in(), Manifest.FILE, "carla", Witnesses.Purpose.MANIFEST);
  }

  public void rehearse() throws Exception {
    rehearse(ITEMS);
  }

  /** As the other, of a plan with these items. */
  public void rehearse(List<String> items) throws Exception {
    Manifest.write(new Folder(in()));
    ceremony(rehearsal(), "rehearsal-token", false, typing(items), Folder::append).run();
  }

  /** Holds the ceremony to its end, and has the witnesses sign what is carried from it. */
  public Path hold(String out, String token, List<String> items) throws Exception {
    Path directory = folder.resolve(out);
    ceremony(directory, token, true, typing(items), Folder::append).run();
    close(directory);
    return directory;
  }

  /** As kill -9: nothing catches it on the way. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  /** Ends a ceremony while an item is signed: the next run gives that up. */
  void endAt(String item, Path out, String token, boolean real, List<String> items)
      throws Exception {
    endBefore("signed", item, out, token, real, items);
  }

  private void endBefore(
      String event, String item, Path out, String token, boolean real, List<String> items)
      throws Exception {
    Transcript.Disk disk =
        (file, octets) -> {
          String line = new String(octets, StandardCharsets.UTF_8);
          if (line.contains("\"event\":\"%s\",\"item\":\"%s\"".formatted(event, item))) {
            throw new Killed();
          }
          Folder.append(file, octets);
        };
    try {
      ceremony(out, token, real, typing(items), disk).run();
    } catch (Killed e) {
      return;
    }
    throw new IllegalStateException(item + " was not signed");
  }

  /**
   * Ends a ceremony before the line of an item, and for good when its plan has expired.
   *
   * @param event signing, or signed: then the item is given up
   */
  public Path holdLate(String event, String item, String out, String token, List<String> items)
      throws Exception {
    Path directory = folder.resolve(out);
    endBefore(event, item, directory, token, true, items);
    clock.advance(Duration.ofDays(300));
    ceremony(directory, token, true, typing(List.of("end")), Folder::append).run();
    close(directory);
    return directory;
  }

  /** As {@link #hold}, with some items given up, each in a run of its own that was ended. */
  public Path holdGivingUp(List<String> givenUp, String out, String token, List<String> items)
      throws Exception {
    Path directory = folder.resolve(out);
    for (String item : givenUp) {
      endAt(item, directory, token, true, left(directory, items));
    }
    return hold(out, token, left(directory, items));
  }

  /** What the next run asks for. */
  private static List<String> left(Path out, List<String> items) throws Exception {
    Path transcript = out.resolve(Transcript.FILE);
    List<String> begun =
        Files.exists(transcript)
            ? TranscriptState.of(Files.readAllBytes(transcript)).items()
            : List.of();
    return items.stream().filter(not(begun::contains)).toList();
  }

  /** What people type: the beginning of the plan's digest, then the names of the items. */
  List<String> typing(List<String> items) throws CeremonyRefused {
    List<String> lines = new ArrayList<>();
    lines.add(digest().substring(0, 32));
    lines.addAll(items);
    return lines;
  }

  public String digest() throws CeremonyRefused {
    return Digests.sha256(new Folder(in()).read(CeremonyPlan.FILE));
  }

  /** A ceremony in a directory, with a token store of its own. */
  Ceremony ceremony(Path out, String token, boolean real, List<String> typed, Transcript.Disk disk)
      throws Exception {
    Path store = Files.createDirectories(folder.resolve(token));
    Files.createDirectories(store.resolve("tokens"));
    Path configuration = store.resolve("softhsm2.conf");
    Files.writeString(
        configuration,
        "directories.tokendir = "
            + store.resolve("tokens")
            + "\nobjectstore.backend = file\nlog.level = ERROR\n");
    RootToken.Access access =
        new RootToken.Access(
            module.isPresent() ? module.get() : library(),
            Map.of("SOFTHSM2_CONF", configuration.toString()),
            Optional.empty(),
            Files.writeString(store.resolve("pin"), SoftHsmToken.PIN),
            Optional.of(Files.writeString(store.resolve("so-pin"), officerPin)));
    List<String> left = new ArrayList<>(typed);
    Console console =
        new Console() {
          @Override
          public void say(String text) {
            said.add(text);
          }

          @Override
          public String ask(String question) {
            // What follows an end that a test made was typed only once.
            String wanted = question.startsWith("type its") ? typed.getFirst() : null;
            if (wanted != null) {
              left.remove(wanted);
              return wanted;
            }
            String item = question.replaceAll("type (\\S+) to (?:sign|end) it: ", "$1");
            asked.accept(item);
            return left.remove(item) ? item : left.isEmpty() ? "" : left.removeFirst();
          }
        };
    return new Ceremony(
        new Ceremony.Places(new Folder(in()), new Folder(out), !real),
        access,
        machine,
        console,
        new TickingClock(),
        new SecureRandom(),
        disk);
  }

  /** The scene's clock, which goes on after each look. */
  private final class TickingClock extends Clock {
    @Override
    public Instant instant() {
      Instant now = clock.instant();
      clock.advance(tick);
      return now;
    }

    @Override
    public ZoneId getZone() {
      return clock.getZone();
    }

    @Override
    public Clock withZone(ZoneId zone) {
      throw new UnsupportedOperationException("a ceremony has no zone");
    }
  }

  /** SoftHSM2 sees no token that is made after it was loaded: each run has a copy of its own. */
  private Path library() throws IOException {
    return Files.copy(
        SoftHsmToken.installedLibrary().toRealPath(),
        folder.resolve(
            "libsofthsm2-%d-%d.so"
                .formatted(ProcessHandle.current().pid(), LIBRARIES.incrementAndGet())));
  }

  /** Puts this process's environment back, for the tests of others that run in it. */
  public void restore() throws Exception {
    // There is a store to be loaded only when there is a token.
    SoftHsmToken.create(
        folder, "restored-" + LIBRARIES.incrementAndGet() + "-" + keyPair().hashCode());
    TokenModule.load(library(), OWN, Duration.ofSeconds(30));
  }

  /** What the root's key says of these octets, for whoever has the token and keeps to no plan. */
  byte[] signature(String token, byte[] octets) throws Exception {
    Path store = folder.resolve(token);
    // SoftHSM2 signs digests; what it signs is its client's word.
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(octets);
    Path in = Files.write(store.resolve("to-be-signed"), digest);
    Path out = store.resolve("signature");
    withPin(
        token,
        "--sign",
        "--mechanism",
        "ECDSA",
        "--signature-format",
        "openssl",
        "--id",
        "726f6f74",
        "--input-file",
        in.toString(),
        "--output-file",
        out.toString());
    return Files.readAllBytes(out);
  }

  /** Has another program do something with a token that is there, logged in. */
  void withPin(String token, String... arguments) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of("--token-label", "test-root", "--login", "--pin", SoftHsmToken.PIN));
    all.addAll(List.of(arguments));
    tool(token, all);
  }

  /** Initializes a free token up to the user's PIN, as a ceremony that is ended there. */
  void initializeByHalf(String token) throws Exception {
    tool(
        token,
        List.of(
            "--init-token", "--slot-index", "0", "--label", "test-root", "--so-pin", OFFICER_PIN));
  }

  private void tool(String token, List<String> arguments) throws Exception {
    List<String> command =
        new ArrayList<>(List.of("pkcs11-tool", "--module", library().toString()));
    command.addAll(arguments);
    ProcessBuilder tool = new ProcessBuilder(command).redirectErrorStream(true);
    tool.environment()
        .put("SOFTHSM2_CONF", folder.resolve(token).resolve("softhsm2.conf").toString());
    Process process = tool.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException("pkcs11-tool failed: " + output);
    }
  }

  /** The witnesses sign the transcript, and one of them the manifest. */
  void close(Path out) throws Exception {
    sign(out, Transcript.FILE, "anna", Witnesses.Purpose.TRANSCRIPT);
    sign(out, Transcript.FILE, "carla", Witnesses.Purpose.TRANSCRIPT);
    Manifest.write(new Folder(out));
    sign(out, Manifest.FILE, "bert", Witnesses.Purpose.MANIFEST);
  }

  static KeyPair keyPair() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  /** A certification request, with one extension when there is one. */
  static String request(String subject, Extension extension) throws Exception {
    KeyPair keys = keyPair();
    JcaPKCS10CertificationRequestBuilder builder =
        new JcaPKCS10CertificationRequestBuilder(new X500Name(subject), keys.getPublic());
    if (extension != null) {
      builder.addAttribute(
          org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers.pkcs_9_at_extensionRequest,
          new org.bouncycastle.asn1.x509.Extensions(extension));
    }
    return pem(
        builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
  }

  static String root(String subject) throws Exception {
    return root(subject, null);
  }

  /** A root with one more extension when there is one. */
  static String root(String subject, Extension extension) throws Exception {
    return root(subject, new BasicConstraints(true), extension);
  }

  /** As the other, with the path length that the basic constraints have. */
  static String root(String subject, BasicConstraints basic, Extension extension) throws Exception {
    KeyPair keys = keyPair();
    X500Name name = new X500Name(subject);
    X509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            name,
            BigInteger.ONE,
            Date.from(Instant.parse("2025-01-01T00:00:00Z")),
            Date.from(Instant.parse("2035-01-01T00:00:00Z")),
            name,
            keys.getPublic());
    builder.addExtension(Extension.basicConstraints, true, basic);
    builder.addExtension(
        Extension.subjectKeyIdentifier,
        false,
        new SubjectKeyIdentifier(
            CaCertificates.keyIdentifier(SubjectPublicKey.of(keys.getPublic())).bytes()));
    if (extension != null) {
      builder.addExtension(extension);
    }
    return pem(
        builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
  }

  private static String pem(Object object) throws IOException {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      writer.writeObject(object);
    }
    return text.toString();
  }
}
