package dev.chancery.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("What sources may say")
class SourceRulesTest {
  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);
  private static final Pattern AMBIENT =
      Pattern.compile(
          "\\b(Instant|LocalDate|LocalDateTime|OffsetDateTime|ZonedDateTime)\\s*\\.\\s*now\\s*\\(\\s*\\)"
              + "|\\bClock\\s*\\.\\s*system|\\bSystem\\s*(\\.|::)\\s*(currentTimeMillis|getenv)\\b"
              + "|\\bnew\\s+(Date\\s*\\(\\s*\\)|Random\\b|SecureRandom\\b)"
              + "|\\bSecureRandom\\s*\\.\\s*getInstance|\\bUUID\\s*\\.\\s*randomUUID"
              + "|\\bThreadLocalRandom\\b|\\bMath\\s*\\.\\s*random\\b");

  /** Where clock, randomness and environment enter the process. */
  private static final Set<String> WIRING =
      Set.of(
          "CeremonyCommand.java",
          "InitCommand.java",
          "IssuerCommand.java",
          "KeyCommand.java",
          "OcspCommand.java",
          "ServeCommand.java",
          "Server.java");

  @ParameterizedTest
  @EnumSource(Module.class)
  @DisplayName("clock, randomness and environment come in by constructors")
  void nothingAmbient(Module module) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path source : module.sources()) {
      if (module == Module.CA_SERVER && WIRING.contains(source.getFileName().toString())) {
        continue;
      }
      ambient(Files.readString(source))
          .forEach(what -> found.add(Module.ROOT.relativize(source) + ": " + what));
    }

    assertThat(found).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Instant.now()",
        "java.time.Clock.systemUTC()",
        "new SecureRandom()",
        "System.getenv(\"HOME\")",
        "(Function<String, String>) System::getenv",
        "System.currentTimeMillis()",
        "UUID.randomUUID()"
      })
  @DisplayName("the search finds what it is for")
  void findsAmbient(String expression) {
    assertThat(ambient("var x = " + expression + ";")).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Instant.now(clock)",
        "clock.instant()",
        "// no Instant.now() here",
        "/** Not {@code new SecureRandom()}. */",
        "SecureRandom random"
      })
  @DisplayName("the search leaves alone what is allowed")
  void leavesTheRest(String text) {
    assertThat(ambient(text)).isEmpty();
  }

  @Test
  @DisplayName("no class is named for having no better name")
  void namesSayWhat() {
    noClasses()
        .that()
        .resideInAPackage("dev.chancery..")
        .should()
        .haveNameMatching(".*(Manager|Helper|Utils?|Impl|Wrapper|Processor)(\\$.*)?")
        .check(Module.CLASSES);
  }

  private static List<String> ambient(String source) {
    Matcher matcher = AMBIENT.matcher(COMMENT.matcher(source).replaceAll(" "));
    return matcher.results().map(found -> found.group()).toList();
  }
}
