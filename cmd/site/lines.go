package site

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// CheckLines finds what an import of a site's lines.csv would refuse. A site need not have one.
func CheckLines(ctx context.Context, dir string) ([]diag.Problem, error) {
	file := filepath.Join(dir, linesFile)
	s, err := siteOfLines(ctx, file)
	if err == nil {
		return nil, s.Close()
	}
	var wrong directory.ImportErrors
	if !errors.As(err, &wrong) {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	problems := make([]diag.Problem, len(wrong))
	for i, e := range wrong {
		message := e.Problem
		if e.Field != "" {
			message = e.Field + ": " + message
		}
		problems[i] = diag.Problem{File: linesFile, Line: e.Line, Code: diag.CodeFile, Message: message, Hint: e.Fix,
			Effect: "nothing of this file is imported", Source: string(text)}
	}
	return problems, nil
}
