package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** chancery token and chancery key, on SoftHSM2 tokens. */
@DisplayName("The ceremony's commands")
class CeremonyCommandsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String WRONG_PIN = "wrong-pin-9999";
  private static final List<Path> SPIES =
      List.of(
          Path.of("/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"),
          Path.of("/usr/lib/aarch64-linux-gnu/pkcs11-spy.so"));

  @TempDir Path folder;

  private SoftHsmToken token;
  private Path library;

  @BeforeEach
  void makeToken() throws Exception {
    token = SoftHsmToken.create(folder, label("ceremony"));
    // A copy with a state of its own: SoftHSM2 sees no token that is made after it was loaded.
    library =
        Files.copy(SoftHsmToken.installedLibrary().toRealPath(), folder.resolve("libsofthsm2.so"));
  }

  private static String label(String name) {
    return name + "-" + UUID.randomUUID().toString().substring(0, 8);
  }

  /** On a machine without a home. */
  private CommandRun run(String command, String... arguments) {
    return run(List.of("--label", token.label()), token.pinFile(), command, arguments);
  }

  private CommandRun run(List<String> name, Path pinFile, String command, String... arguments) {
    List<String> all = new ArrayList<>(List.of(command.split(" ", -1)));
    all.addAll(
        List.of(
            "--home=" + folder.resolve("no-home"),
            "--library=" + library,
            "--environment=SOFTHSM2_CONF=" + System.getenv("SOFTHSM2_CONF")));
    all.addAll(name);
    if (!command.equals("token info") && !command.equals("token list")) {
      all.add("--pin-file=" + pinFile);
    }
    all.addAll(List.of(arguments));
    return CommandRun.of(all.toArray(String[]::new));
  }

  private static JsonNode json(CommandRun run) throws IOException {
    assertThat(run.exitCode()).describedAs(run.toString()).isZero();
    return JSON.readTree(run.out());
  }

  private String generated(String... options) throws IOException {
    String[] all =
        Stream.concat(Stream.of("--algorithm=ec-p256", "--output=json"), Stream.of(options))
            .toArray(String[]::new);
    return json(run("key generate", all)).get("id").asText();
  }

  private static CommandRun typing(String line, Supplier<CommandRun> command) {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(line.getBytes(StandardCharsets.UTF_8)));
    try {
      return command.get();
    } finally {
      System.setIn(before);
    }
  }

  private static void requireRefused(CommandRun run, String... says) {
    assertThat(run.exitCode()).describedAs(run.toString()).isEqualTo(Main.FAILED);
    assertThat(run.out()).isEmpty();
    assertThat(run.err()).contains(says);
    assertThat(run.err()).doesNotContain("Exception", "dev.chancery", SoftHsmToken.PIN, WRONG_PIN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ec-p256", "ec-p384", "rsa-2048", "rsa-3072", "rsa-4096"})
  @DisplayName("a generated key has a random id of 16 octets and passes the check")
  void generate(String algorithm) throws Exception {
    JsonNode made = json(run("key generate", "--algorithm", algorithm, "--output=json"));

    assertThat(made.get("id").asText()).matches("[0-9a-f]{32}");
    assertThat(made.get("algorithm").asText()).isEqualTo(algorithm);
    assertThat(made.get("publicKeySha256").asText()).matches("[0-9a-f]{64}");
    assertThat(made.get("strict").asBoolean()).isTrue();

    CommandRun check = run("key check", made.get("id").asText());
    assertThat(check.exitCode()).isZero();
    assertThat(check.out()).containsPattern("PASS +" + made.get("id").asText() + " +strict");
    assertThat(json(run("key list", "--output=json"))).containsExactly(made);
  }

  @Test
  @DisplayName("an id is taken as it is given, once")
  void givenId() throws Exception {
    assertThat(generated("--id=C0FFEE")).isEqualTo("c0ffee");

    requireRefused(
        run("key generate", "--algorithm=ec-p256", "--id=c0ffee"),
        "already has an object",
        "c0ffee");
    assertThat(json(run("key list", "--output=json"))).hasSize(1);
  }

  @Test
  @DisplayName("a key that was brought in is listed and fails the check, each deviation named")
  void imported() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    Path key =
        Files.writeString(
            folder.resolve("key.pem"),
            "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getMimeEncoder()
                    .encodeToString(generator.generateKeyPair().getPrivate().getEncoded())
                + "\n-----END PRIVATE KEY-----\n");
    Process imported =
        new ProcessBuilder(
                List.of(
                    "softhsm2-util",
                    "--import",
                    key.toString(),
                    "--token",
                    token.label(),
                    "--label",
                    "brought",
                    "--id",
                    "0badcafe",
                    "--pin",
                    SoftHsmToken.PIN))
            .redirectErrorStream(true)
            .start();
    String said = new String(imported.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(imported.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(imported.exitValue()).as(said).isZero();

    JsonNode row = json(run("key list", "--output=json")).path(0);
    assertThat(row.get("label").asText()).isEqualTo("brought");
    assertThat(row.get("algorithm").asText()).isEqualTo("rsa-2048");
    assertThat(row.get("strict").asBoolean()).isFalse();
    CommandRun check = run("key check");
    assertThat(check.exitCode()).isEqualTo(Main.FAILED);
    assertThat(check.out())
        .contains(
            "CKA_LOCAL is false", "CKA_NEVER_EXTRACTABLE is false", "no certificate has this");
    assertThat(run("token check").exitCode()).isEqualTo(Main.FAILED);
  }

  @Test
  @DisplayName("a key is destroyed when its id was typed twice, and not otherwise")
  void destroy() throws Exception {
    String id = generated();
    String other = generated();

    for (String typed : List.of("", "\n", other + "\n", id.substring(1) + "\n", "yes\n")) {
      CommandRun refused = typing(typed, () -> run("key destroy", id));
      requireRefused(refused, "nothing was destroyed");
    }
    assertThat(json(run("key list", "--output=json"))).hasSize(2);

    CommandRun done = typing(id + "\n", () -> run("key destroy", id));
    assertThat(done.exitCode()).describedAs(done.toString()).isZero();
    assertThat(done.out()).isEqualTo("destroyed: " + id + System.lineSeparator());
    assertThat(json(run("key list", "--output=json")))
        .extracting(row -> row.get("id").asText())
        .containsExactly(other);
    requireRefused(typing(id + "\n", () -> run("key destroy", id)), "no private key " + id);
    requireRefused(run("key check", id), "no private key " + id);
  }

  @Test
  @DisplayName("an indestructible key is not destroyed")
  void indestructible() throws Exception {
    String id = generated("--indestructible");

    requireRefused(typing(id + "\n", () -> run("key destroy", id)), id, "CKA_DESTROYABLE is false");
    assertThat(run("key check", id).exitCode()).isZero();
  }

  @Test
  @DisplayName("on a home: its token and PIN, who uses a key, and no destruction of such a key")
  void onAHome() throws Exception {
    Path home = home();
    String[] onHome = {"--home=" + home};
    CommandRun made =
        CommandRun.of(
            "key", "generate", onHome[0], "--algorithm=ec-p256", "--id=697373", "--output=json");
    assertThat(json(made).get("usedBy").asText()).isEqualTo("issuer issuing");

    CommandRun listed = CommandRun.of("key", "list", onHome[0]);
    assertThat(listed.exitCode()).isZero();
    assertThat(listed.out().lines().findFirst().orElseThrow())
        .containsPattern("id +label +algorithm +strict +usedBy +publicKeySha256 +attributes");
    assertThat(listed.out()).containsPattern("697373 +697373 +ec-p256 +true +issuer issuing +");

    requireRefused(
        typing("697373\n", () -> CommandRun.of("key", "destroy", onHome[0], "697373")),
        "the key 697373 is the issuer issuing key of the home");
    // Naming the library does not make a key of the home another one.
    requireRefused(
        typing(
            "697373\n",
            () ->
                CommandRun.of(
                    "key",
                    "destroy",
                    onHome[0],
                    "--library=" + library,
                    "--label=" + token.label(),
                    "--pin-file=" + token.pinFile(),
                    "697373")),
        "the key 697373 is the issuer issuing key of the home");
    assertThat(CommandRun.of("key", "check", onHome[0], "697373").exitCode()).isZero();

    CommandRun check = CommandRun.of("token", "check", onHome[0]);
    assertThat(check.exitCode()).describedAs(check.toString()).isZero();
    assertThat(check.out()).contains("for 3 threads").containsPattern("PASS +key 697373 +strict");
    assertThat(check.out())
        .containsPattern("PASS +data objects +one was kept, read back and destroyed");
    assertThat(CommandRun.of("token", "info", onHome[0]).out()).contains(token.label());
    assertThat(CommandRun.of("token", "list", onHome[0]).out()).contains(token.label());

    CommandRun named = CommandRun.of("key", "list", onHome[0], "--label=another");
    assertThat(named.exitCode()).isEqualTo(2);
    assertThat(named.err()).contains("--pin-file is needed");
  }

  @Test
  @DisplayName("a home whose keys are in files has no token")
  void developmentHome() {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);

    requireRefused(CommandRun.of("token", "list", "--home=" + home), "token.kind is pkcs12");
  }

  private Path home() throws IOException {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    Files.writeString(
        home.resolve("chancery.yaml"),
        """
        token:
          library: %s
          label: %s
          pinFile: %s
          threads: 3
        roots: [root.pem]
        issuers: [{name: issuing, certificate: ca/issuing.pem, keyId: "697373", ocspKeyId: "6f"}]
        acme: {endpoints: {default: {issuer: issuing, profile: tls-server}}}
        """
            .formatted(library, token.label(), token.pinFile()));
    return home;
  }

  @Test
  @DisplayName("token info tells what the token is and can do")
  void info() throws Exception {
    List<String> name = List.of("--label", token.label());
    JsonNode info = json(run(name, token.pinFile(), "token info", "--output=json"));

    assertThat(info.get("label").asText()).isEqualTo(token.label());
    assertThat(info.get("serial").asText()).isNotEmpty();
    assertThat(info.get("flags")).extracting(JsonNode::asText).contains("user pin set");
    assertThat(info.has("maxSessions")).isTrue();
    assertThat(info.get("keys")).hasSize(8).allMatch(row -> row.get("signs").asBoolean());
    assertThat(info.get("mechanisms"))
        .extracting(row -> row.get("name").asText())
        .contains("CKM_ECDSA", "CKM_RSA_PKCS_PSS");

    String text = run(name, token.pinFile(), "token info").out();
    assertThat(text).contains("firmwareVersion", "keys:", "mechanisms:");
    assertThat(text).containsPattern("ec-p256 +ecdsa-sha256 +true +true +process");
  }

  @Test
  @DisplayName("a token that is initialized is never overwritten")
  void init() throws Exception {
    String label = label("made");
    List<String> name = List.of("--label", label);
    Path officer = Files.writeString(folder.resolve("so"), "an-officer-19\n");
    Path user = Files.writeString(folder.resolve("user"), "a-user-2718\n");

    JsonNode made =
        json(run(name, user, "token init", "--so-pin-file=" + officer, "--output=json"));
    assertThat(made.get("label").asText()).isEqualTo(label);
    assertThat(made.get("flags")).extracting(JsonNode::asText).contains("initialized");

    Path tokens = Path.of(System.getenv("SOFTHSM2_CONF")).resolveSibling("tokens");
    var before = DevelopmentHome.snapshot(tokens, file -> file.toString().endsWith(".lock"));
    CommandRun again = run(name, user, "token init", "--so-pin-file=" + officer);
    requireRefused(again, "\"" + label + "\"", "already: nothing was changed");
    assertThat(again.errorLines()).hasSize(1);
    assertThat(DevelopmentHome.snapshot(tokens, file -> file.toString().endsWith(".lock")))
        .isEqualTo(before);
    assertThat(run(name, user, "token check").exitCode()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " a",
        "a\tb",
        "a\u001b[31m",
        "a\u202eb",
        "a\u2028b",
        "thirty-three octets are too many!"
      })
  @DisplayName("a label that cannot be shown as it is names no new token")
  void oddLabel(String label) throws Exception {
    Path officer = Files.writeString(folder.resolve("so"), "an-officer-19\n");
    Path user = Files.writeString(folder.resolve("user"), "a-user-2718\n");

    requireRefused(
        run(List.of("--label", label), user, "token init", "--so-pin-file=" + officer),
        "a label is 1 to 32 octets of printable text");
  }

  @Test
  @DisplayName("what a failed destruction has left is named, and the next one destroys it")
  void destroyInPart() throws Exception {
    try (FaultyModule faults = FaultyModule.build(folder)) {
      library = faults.library();
      String id = generated();
      faults.later(Pkcs11Function.C_DESTROY_OBJECT, 1, ReturnCode.CKR_DEVICE_ERROR, 1);

      CommandRun part = typing(id + "\n", () -> run("key destroy", id));
      requireRefused(
          part,
          "C_DESTROY_OBJECT: CKR_DEVICE_ERROR",
          "Gone for ever: 1 private key, 1 certificate; left: 1 public key");
      assertThat(json(run("key list", "--output=json"))).isEmpty();
      requireRefused(run("key generate", "--algorithm=ec-p256", "--id=" + id), "already has");

      CommandRun rest = typing(id + "\n", () -> run("key destroy", id));
      assertThat(rest.exitCode()).describedAs(rest.toString()).isZero();
      assertThat(rest.err()).contains("without its private key (1 public key)");
      assertThat(rest.out()).isEqualTo("destroyed: " + id + System.lineSeparator());
      generated("--id=" + id);
    }
  }

  @Test
  @DisplayName("a token that fails while keys are looked at is no token with weak keys")
  void failedCalls() throws Exception {
    try (FaultyModule faults = FaultyModule.build(folder)) {
      library = faults.library();
      generated();
      faults.always(Pkcs11Function.C_GET_ATTRIBUTE_VALUE, ReturnCode.CKR_DEVICE_ERROR);

      for (String command : List.of("key list", "key check", "token check")) {
        requireRefused(run(command), "failed: C_GET_ATTRIBUTE_VALUE: CKR_DEVICE_ERROR");
      }
    }
  }

  @Test
  @DisplayName("a PIN that is locked, or would be by one more wrong try, is not tried")
  void lockedPin() throws Exception {
    try (FaultyModule faults = FaultyModule.build(folder)) {
      library = faults.library();
      faults.userPin(FaultyModule.UserPin.LOCKED);
      requireRefused(run("key list"), "the PIN of", "is locked");
      faults.userPin(FaultyModule.UserPin.FINAL_TRY);
      requireRefused(run("token check"), "would be locked by one more wrong PIN");
      assertThat(faults.calls(Pkcs11Function.C_LOGIN)).isZero();
    }
  }

  @Test
  @DisplayName("a wrong PIN is one line and exactly one try")
  void wrongPin() throws Exception {
    Path calls = folder.resolve("calls");
    Path spy =
        Files.copy(
            SPIES.stream().filter(Files::exists).findFirst().orElseThrow().toRealPath(),
            folder.resolve("spy.so"));
    Path pin = Files.writeString(folder.resolve("wrong.pin"), WRONG_PIN + "\n");

    int tries = 0;
    for (String command : List.of("key list", "token check")) {
      String[] words = command.split(" ", -1);
      CommandRun run =
          CommandRun.of(
              words[0],
              words[1],
              "--home=" + folder.resolve("no-home"),
              "--library=" + spy,
              "--label=" + token.label(),
              "--pin-file=" + pin,
              "--environment=PKCS11SPY=" + library,
              "--environment=PKCS11SPY_OUTPUT=" + calls);

      requireRefused(run, "the PIN is wrong", token.label());
      assertThat(run.errorLines()).hasSize(1);
      tries++;
      try (Stream<String> lines = Files.lines(calls, StandardCharsets.ISO_8859_1)) {
        assertThat(lines.filter(line -> line.endsWith(": C_Login"))).hasSize(tries);
      }
    }
  }

  @Test
  @DisplayName("a library, a token or a PIN file that is not there is named")
  void missing() {
    requireRefused(
        run(List.of("--label=no-such"), token.pinFile(), "key list"), "\"no-such\"", token.label());
    Path none = folder.resolve("none.pin");
    requireRefused(
        run(List.of("--label=" + token.label()), none, "key list"), none + " does not exist");
    requireRefused(
        CommandRun.of("token", "list", "--library=" + folder.resolve("none.so")),
        folder.resolve("none.so") + " does not exist");
    requireRefused(
        CommandRun.of("token", "list", "--library=" + folder),
        folder + " does not exist or is unreadable");
    requireRefused(
        run(List.of("--label=" + token.label()), folder, "key list"), folder + " is a directory");
    requireRefused(
        CommandRun.of("token", "list", "--home=" + folder.resolve("no-home")),
        "there is no such home directory");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "key generate --label=a --pin-file=p",
        "key generate --label=a --pin-file=p --algorithm=ed25519",
        "key generate --label=a --pin-file=p --algorithm=EC_P256",
        "key generate --label=a --pin-file=p --algorithm=ec-p256 --id=xyz",
        "key generate --label=a --pin-file=p --algorithm=ec-p256 --id=123",
        "key generate --label=a --pin-file=p --algorithm=ec-p256 --pin=1234",
        "key generate --label=a --algorithm=ec-p256",
        "key list --pin-file=p",
        "key list --label=a",
        "key check --label=a --pin-file=p 0g",
        "key check --label=a --pin-file=p 01 02",
        "key destroy --label=a --pin-file=p",
        "key destroy --label=a --pin-file=p 01 02",
        "token init --label=a --pin-file=p",
        "token init --serial=1 --pin-file=p --so-pin-file=q",
        "token info",
        "token list --slot=1",
        "token list --environment=nonsense",
        "token list --environment=a-b=c",
        "token list --output=xml",
        "token check rubbish --label=a --pin-file=p",
      })
  @DisplayName("garbage is wrong usage, before any library is loaded")
  void wrongUsage(String command) {
    List<String> all = new ArrayList<>(List.of(command.split(" ", -1)));
    all.add("--library=" + folder.resolve("none.so"));
    all.add("--home=" + folder.resolve("no-home"));

    CommandRun run = CommandRun.of(all.toArray(String[]::new));

    assertThat(run.exitCode()).describedAs(run.toString()).isEqualTo(2);
    assertThat(run.out()).isEmpty();
    assertThat(run.err()).containsAnyOf("Usage: chancery", "Unknown option");
    assertThat(run.err()).doesNotContain("Exception", "does not exist");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--library=none.so", "--pin-file=pin"})
  @DisplayName("the check of a plan looks at a token with its library and its PIN, or at none")
  void planCheck(String option) {
    CommandRun run = CommandRun.of("ceremony", "check", option, folder.toString());

    assertThat(run.exitCode()).describedAs(run.toString()).isEqualTo(2);
    assertThat(run.err()).contains("--library and --pin-file are given both or not at all");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "token init",
        "token list",
        "token info",
        "token check",
        "key generate",
        "key list",
        "key check",
        "key destroy"
      })
  @DisplayName("every command has its help")
  void help(String command) {
    String[] words = command.split(" ", -1);
    CommandRun run = CommandRun.of(words[0], words[1], "--help");

    assertThat(run.exitCode()).isZero();
    assertThat(run.out()).contains("Usage: chancery " + command, "--library=FILE", "--home=DIR");
  }
}
