package dev.chancery.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.Finding;
import dev.chancery.hsm.InspectedKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.KeyObjects;
import dev.chancery.hsm.TokenCeremony;
import dev.chancery.hsm.TokenUnusable;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes, looks at and destroys keys in a token; needs no server (docs/token.md). */
@Command(
    name = "key",
    description = "Make, check and destroy keys in a PKCS #11 token.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class KeyCommand {
  private static final List<KeyAlgorithm> ALGORITHMS =
      List.of(
          KeyAlgorithm.EC_P256,
          KeyAlgorithm.EC_P384,
          KeyAlgorithm.RSA_2048,
          KeyAlgorithm.RSA_3072,
          KeyAlgorithm.RSA_4096);
  private static final int ID_LENGTH = 16;
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "generate",
      description = "Make a key pair in the token: sensitive, never extractable, for signing only.",
      mixinStandardHelpOptions = true)
  int generate(
      @Mixin LoginOption login,
      @Mixin OutputOption output,
      @Option(
              names = "--algorithm",
              paramLabel = "ALGORITHM",
              required = true,
              description = "ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096")
          String algorithm,
      @Option(
              names = "--id",
              paramLabel = "HEX",
              description = "the CKA_ID (default: 16 random octets)")
          @Nullable KeyId id,
      @Option(
              names = "--indestructible",
              description = "CKA_DESTROYABLE=false: the key goes only with the whole token")
          boolean indestructible)
      throws ConfigurationInvalid, WrongUsage, TokenUnusable, TokenAway {
    KeyAlgorithm wanted =
        KeyAlgorithm.named(algorithm)
            .filter(ALGORITHMS::contains)
            .orElseThrow(
                () -> new WrongUsage("--algorithm: " + algorithm + " is none of " + ALGORITHMS));
    LibraryOption.Choice choice = login.choose();
    InspectedKey made;
    try (TokenCeremony ceremony = login.open(choice)) {
      made = ceremony.generate(id == null ? randomId() : id, wanted, !indestructible);
    }
    output.object(spec.commandLine().getOut(), json(made, KeyUses.of(choice.configuration())));
    PrintWriter err = spec.commandLine().getErr();
    for (Finding finding : made.findings()) {
      err.println("chancery: warning: " + finding.subject() + ": " + finding.detail());
    }
    return 0;
  }

  private static KeyId randomId() {
    byte[] id = new byte[ID_LENGTH];
    new SecureRandom().nextBytes(id);
    return new KeyId(HexFormat.of().formatHex(id));
  }

  @Command(
      name = "list",
      description = "List the private keys of the token, and who uses them.",
      mixinStandardHelpOptions = true)
  int list(@Mixin LoginOption login, @Mixin OutputOption output)
      throws ConfigurationInvalid, WrongUsage, TokenUnusable, TokenAway {
    LibraryOption.Choice choice = login.choose();
    KeyUses uses = KeyUses.of(choice.configuration());
    ArrayNode rows = JSON.arrayNode();
    try (TokenCeremony ceremony = login.open(choice)) {
      ceremony.keys().forEach(key -> rows.add(json(key, uses)));
    }
    output.table(
        spec.commandLine().getOut(),
        rows,
        List.of("id", "label", "algorithm", "strict", "usedBy", "publicKeySha256", "attributes"));
    return 0;
  }

  @Command(
      name = "check",
      description = {
        "Check that private keys are as strict as they should be, and whole.",
        "Ends with 1 when one is not."
      },
      mixinStandardHelpOptions = true)
  int check(
      @Mixin LoginOption login,
      @Mixin OutputOption output,
      @Parameters(
              paramLabel = "ID",
              arity = "0..1",
              description = "the CKA_ID of one key, in hexadecimal digits (default: every key)")
          @Nullable KeyId id)
      throws ConfigurationInvalid, WrongUsage, CommandFailed, TokenUnusable, TokenAway {
    LibraryOption.Choice choice = login.choose();
    List<InspectedKey> keys;
    try (TokenCeremony ceremony = login.open(choice)) {
      keys = id == null ? ceremony.keys() : ceremony.keys(id);
    }
    if (id != null && keys.isEmpty()) {
      throw new CommandFailed(login.name(choice) + " has no private key " + id);
    }
    ArrayNode rows = JSON.arrayNode();
    for (InspectedKey key : keys) {
      for (Finding finding : key.findings()) {
        row(rows, key, finding.level(), finding.detail());
      }
      if (key.findings().isEmpty()) {
        row(rows, key, Finding.Level.PASS, "strict");
      }
    }
    output.table(spec.commandLine().getOut(), rows, List.of("result", "id", "detail"));
    return keys.stream().allMatch(InspectedKey::strict) ? 0 : Main.FAILED;
  }

  private static void row(ArrayNode rows, InspectedKey key, Finding.Level level, String detail) {
    rows.addObject()
        .put("result", level.name())
        .put("id", key.id().map(KeyId::hex).orElse(""))
        .put("detail", detail);
  }

  @Command(
      name = "destroy",
      description = {
        "Destroy a key for ever. Its id is typed twice: here, and on standard input.",
        "What a failed attempt has left is destroyed by the next one.",
        "A key that the home's configuration names is never destroyed."
      },
      mixinStandardHelpOptions = true)
  int destroy(
      @Mixin LoginOption login,
      @Parameters(paramLabel = "ID", description = "the CKA_ID, in hexadecimal digits") KeyId id)
      throws ConfigurationInvalid, WrongUsage, CommandFailed, TokenUnusable, TokenAway {
    LibraryOption.Choice choice = login.choose();
    Optional<String> user = KeyUses.of(choice.configuration()).of(id);
    if (user.isPresent()) {
      throw new CommandFailed(
          "the key " + id + " is the " + user.get() + " key of the home: it is not destroyed");
    }
    try (TokenCeremony ceremony = login.open(choice)) {
      KeyObjects there = ceremony.objects(id);
      if (there.isEmpty()) {
        throw new CommandFailed(
            login.name(choice) + " has no private key " + id + " and nothing of it");
      }
      PrintWriter err = spec.commandLine().getErr();
      err.println(description(id, there, ceremony) + " of " + login.name(choice));
      err.print("type its id again to destroy it for ever: ");
      err.flush();
      if (!typed().equals(id.hex())) {
        throw new CommandFailed("what was typed is not the id " + id + ": nothing was destroyed");
      }
      ceremony.dangerDestroyForEver(id);
    }
    spec.commandLine().getOut().println("destroyed: " + id);
    return 0;
  }

  private static String description(KeyId id, KeyObjects there, TokenCeremony ceremony)
      throws TokenUnusable, TokenAway {
    if (there.privateKeys() == 0) {
      return "what is left of the key %s without its private key (%s)".formatted(id, there);
    }
    InspectedKey key = ceremony.key(id);
    return "the %s key %s (%s; public key %s)"
        .formatted(key.algorithm(), id, there, sha256(key).orElse("unknown"));
  }

  private static String typed() throws CommandFailed {
    try {
      // Closing it would close the process's standard input.
      String line =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
      return line == null ? "" : line.strip().toLowerCase(Locale.ROOT);
    } catch (IOException e) {
      throw new CommandFailed("standard input cannot be read: nothing was destroyed");
    }
  }

  private static ObjectNode json(InspectedKey key, KeyUses uses) {
    ObjectNode json =
        JSON.objectNode()
            .put("id", key.id().map(KeyId::hex).orElse(""))
            .put("label", key.label())
            .put("algorithm", key.algorithm())
            .put("strict", key.strict())
            .put("usedBy", key.id().flatMap(uses::of).orElse(""))
            .put("publicKeySha256", sha256(key).orElse(""));
    ArrayNode attributes = json.putArray("attributes");
    key.attributes().forEach(attributes::add);
    return json;
  }

  /** Of the SubjectPublicKeyInfo, as openssl pkey -pubin -outform der | sha256sum has it. */
  private static Optional<String> sha256(InspectedKey key) {
    return key.publicKey().map(KeyCommand::sha256);
  }

  private static String sha256(SubjectPublicKey key) {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(key.encoded().bytes()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
