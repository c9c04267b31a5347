#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# make.pl SEED COUNT EQUIVALENTS OUT FILE...: makes small mutants of C files.
# Mutant number N is in OUT/N.c, a whole file, and OUT/N.diff; a line each goes
# to the output: number, file, line. Lines are chosen at random, and then one
# of the changes that can be made there. The same seed and files give the same
# mutants. What EQUIVALENTS lists is left out.
use strict;
use warnings;

my ($seed, $count, $equivalents, $out, @files) = @ARGV;
my %turned = (
	'<' => ['<=', '>='], '<=' => ['<', '>'], '>' => ['>=', '<='],
	'>=' => ['>', '<'], '==' => ['!='], '!=' => ['=='], '&&' => ['||'],
	'||' => ['&&'], 'true' => ['false'], 'false' => ['true'],
);
my %returned = ('-1' => '0', '0' => '-1', '1' => '0', 'NULL' => '(void *)1');

sub slurp
{
	open my $in, '<', $_[0] or die "$_[0]: $!\n";
	local $/;
	return scalar <$in>;
}

sub trimmed
{
	return join "\n", map { s/^\s+|\s+$//gr } @_;
}

# Where nothing is changed becomes blank, and every place stays where it is:
# comments, texts, what the preprocessor reads, assertions, and what is only a
# size to begin with.
sub code_of
{
	my ($text) = @_;
	my $blank = sub { $_[0] =~ s/[^\n]/ /gr };

	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+')}
		{$blank->($1 // $2)}gse;
	$text =~ s{^([ \t]*\#(?:[^\n]*\\\n)*[^\n]*)}{$blank->($1)}gme;
	$text =~ s{(\b(?:assert|_Static_assert)\s*(\((?:[^()]++|(?2))*\)))}
		{$blank->($1)}ge;
	$text =~ s{(\bchar [^;=()]*\[\d+\]|\blua_createtable\([^;]*;)}
		{$blank->($1)}ge;
	return $text;
}

# All changes: place, length, and two texts to put around what is there, or
# one to put in its place.
sub changes_of
{
	my ($code) = @_;
	my @all;

	while ($code =~ /(?<![-<>=!&|+*\/])([<>]=?|[=!]=|&&|\|\|)(?![<>=&|])/g) {
		push @all, [$-[1], length $1, $_] for @{$turned{$1}};
	}
	while ($code =~ /\b(true|false)\b/g) {
		push @all, [$-[1], length $1, $_] for @{$turned{$1}};
	}
	while ($code =~ /(?<![\w.])(?<!\breturn )(?<!\breturn -)(\d+)(?=[uUlL]*\b)(?![\w.]*[.xX])/g) {
		push @all, [$-[1], length $1, $1 + 1];
		push @all, [$-[1], length $1, $1 - 1] if $1 > 0;
	}
	while ($code =~ /\breturn (-1|0|1|NULL);/g) {
		push @all, [$-[1], length $1, $returned{$1}];
	}
	while ($code =~ /\b(?:if|while) (\((?:[^()]++|(?1))*\))/g) {
		push @all, [$-[1], length $1, "(!", ")"];
	}
	while ($code =~ /\breturn ([^;?]*?(?:[=!]=|&&|\|\||[<>])[^;?]*);/g) {
		push @all, [$-[1], length $1, "!(", ")"];
	}
	# A statement is what begins after one of these, and no declaration.
	while ($code =~ /(?:[;{})][ \n]|:\n)\s*\K(?=[\w*(+-])([^;{}]+;)/g) {
		my ($at, $statement) = ($-[1], $1);

		next if $statement =~ /^(?:return|goto|if|for|while|do|switch
			|case|default|else|static|struct|enum|union|typedef
			|const|extern|unsigned|_Alignas)\b/x;
		next if $statement =~ /^\w*(?:free|fini)\(/;
		next if $statement =~ /^\w+\s+\**\w/;
		next if $statement =~ /^\w+ \*+\w+(?: =|;|,|\[)/;
		push @all, [$at, length $statement, ';'];
	}
	return @all;
}

sub changed
{
	my ($text, $at, $length, $new, $after) = @_;
	my $old = substr $text, $at, $length;

	substr($text, $at, $length) = defined $after ? "$new$old$after" : $new;
	return $text;
}

sub line_at
{
	my ($text, $place) = @_;
	return 1 + (substr($text, 0, $place) =~ tr/\n//);
}

# What a change takes away and puts in its place, in whole lines.
sub lines_of
{
	my ($text, $change) = @_;
	my ($at, $length, @new) = @$change;
	my $from = rindex($text, "\n", $at - 1) + 1;
	my $to = index($text, "\n", $at + $length);
	my $old = substr $text, $from, $to - $from;

	return ($old, changed($old, $at - $from, $length, @new));
}

# Blocks of lines: file, "- " lines, "+ " lines, and the reason.
sub known_equivalents
{
	my %known;

	return {} unless -e $_[0];
	for my $block (split /\n\n+/, slurp($_[0])) {
		my @lines = grep { !/^#/ } split /\n/, $block;
		my $file = shift @lines // next;
		my @old = map { /^- ?(.*)/ ? $1 : () } @lines;
		my @new = map { /^\+ ?(.*)/ ? $1 : () } @lines;

		$known{join "\0", $file, trimmed(@old), trimmed(@new)} = 1;
	}
	return \%known;
}

my $known = known_equivalents($equivalents);
my (@sites, %text, %at_line);

for my $file (@files) {
	$text{$file} = slurp($file);
	for my $change (changes_of(code_of($text{$file}))) {
		my $line = line_at($text{$file}, $change->[0]);
		my $key = "$file:$line";

		push @sites, [$file, $line] unless $at_line{$key};
		push @{$at_line{$key}}, $change;
	}
}

srand $seed;
for (my $n = 1; $n <= $count && @sites;) {
	my ($file, $line) = @{splice @sites, int(rand @sites), 1};
	my $changes = $at_line{"$file:$line"};
	my $change = $changes->[int rand @$changes];
	my ($old, $new) = lines_of($text{$file}, $change);
	my $mutant = changed($text{$file}, @$change);

	if ($known->{join "\0", $file, trimmed(split /\n/, $old),
		trimmed(split /\n/, $new)}) {
		print STDERR "$file:$line: listed as equivalent\n";
		next;
	}
	open my $c, '>', "$out/$n.c" or die "$out/$n.c: $!\n";
	print $c $mutant;
	open my $diff, '>', "$out/$n.diff" or die "$out/$n.diff: $!\n";
	print $diff "$file:$line\n", $old =~ s/^/- /gmr, "\n",
		$new =~ s/^/+ /gmr, "\n";
	close $_ or die for $c, $diff;
	print "$n $file $line\n";
	$n++;
}
